// ONNX Runtime: inference of LeNet-5 on one thread, from the model file named first. Speaks as a Google Benchmark
// program does (see bench/programs.py).
const ort = require('onnxruntime-node');

const batches = { 'lenet5 predict, batch 1': 1, 'lenet5 predict, batch 64': 64 };

const option = (name, otherwise) => {
  const given = process.argv.find((word) => word.startsWith(`--benchmark_${name}=`));
  return given ? given.slice(given.indexOf('=') + 1) : otherwise;
};

async function microsecondsOf(step, seconds) {
  for (let i = 0; i < 20; ++i) await step();
  const start = process.hrtime.bigint();
  let count = 0;
  let elapsed = 0;
  while (elapsed < seconds * 1e6) {
    await step();
    ++count;
    elapsed = Number(process.hrtime.bigint() - start) / 1e3;
  }
  return elapsed / count;
}

async function main() {
  if (option('list_tests')) return console.log(Object.keys(batches).join('\n'));
  const wanted = new RegExp(option('filter', '.'));
  const runs = [];
  for (const [name, n] of Object.entries(batches)) {
    if (!wanted.test(name)) continue;
    const session = await ort.InferenceSession.create(process.argv[2], {
      intraOpNumThreads: 1, interOpNumThreads: 1, graphOptimizationLevel: 'all', logSeverityLevel: 3,
    });
    const images = Float32Array.from({ length: n * 784 }, () => 2 * Math.random() - 1);
    const input = new ort.Tensor('float32', images, [n, 1, 28, 28]);
    for (let i = 0; i < Number(option('repetitions', '1')); ++i) {
      const time = await microsecondsOf(() => session.run({ input }), Number(option('min_time', '0.5')));
      runs.push({ run_name: name, real_time: time, time_unit: 'us', label: 'threads: 1' });
    }
  }
  console.log(JSON.stringify({ context: {}, benchmarks: runs }));
}

main().catch((error) => {
  console.error(error.message);
  process.exit(1);
});
