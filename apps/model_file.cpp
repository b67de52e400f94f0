// Reading and writing model files, compiled once for all programs: the JSON library is seen here and nowhere else.
#include <ikebana/io/safetensors.hpp>

template ikebana::TensorFile ikebana::read_tensor_file<void>(const std::filesystem::path&);
template void ikebana::write_tensor_file<void>(const std::filesystem::path&, const ikebana::TensorFile&);
template void ikebana::save_model<void>(const std::filesystem::path&, const ikebana::ModelContent&,
                                        const ikebana::ModelMetadata&);
template void ikebana::load_model<void>(const std::filesystem::path&, const ikebana::ModelContent&);
