// Mnist: the four IDX files of MNIST, or of a data set in its form (Fashion-MNIST), as readers. A sample is an image
// (1,28,28) of x / 255 · 2 − 1, in [−1, 1], and a label 0 … 9. Needs zlib.
//   Mnist digits(folder);   digits.train(), digits.test()    readers: 60,000 and 10,000 samples in file order
//   digits.test().image(0)  one image, as networks take it;  digits.test().label(0)
#pragma once
#include <array>
#include <cstdint>
#include <filesystem>
#include <ikebana/data/stored.hpp>
#include <ikebana/io/idx.hpp>
#include <iterator>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

namespace ikebana {

/// One image (1,28,28) of a data set, scaled to [−1, 1] where it is read. It refers to the data set's memory.
class MnistImage {
  public:
    using value_type = float;
    using shape_type = std::array<std::size_t, 3>;

    MnistImage() = default;
    explicit MnistImage(const std::uint8_t* grey) : grey_(grey) {}

    static constexpr std::size_t size() { return 784; }
    static constexpr std::size_t dimension() { return 3; }
    static constexpr shape_type shape() { return {1, 28, 28}; }

    float operator[](std::size_t i) const { return scaled(grey_[i]); }
    float operator()(std::size_t, std::size_t row, std::size_t column) const {
        return scaled(grey_[row * 28 + column]);
    }

    class iterator {
      public:
        using iterator_category = std::forward_iterator_tag;
        using value_type = float;
        using difference_type = std::ptrdiff_t;
        using pointer = const float*;
        using reference = float;

        iterator() = default;
        explicit iterator(const std::uint8_t* at) : at_(at) {}
        float operator*() const { return scaled(*at_); }
        iterator& operator++() { return ++at_, *this; }
        iterator operator++(int) { return iterator(at_++); }
        bool operator==(const iterator&) const = default;

      private:
        const std::uint8_t* at_ = nullptr;
    };
    iterator begin() const { return iterator(grey_); }
    iterator end() const { return iterator(grey_ + size()); }

    /// Asks the second cache for the image, which will be read soon.
    void prefetch() const {
        for (std::size_t i = 0; i < 28 * 28; i += 64) __builtin_prefetch(grey_ + i, 0, 2);
    }

    /// The grey levels as the file holds them, 0 … 255, row by row.
    const std::uint8_t* grey() const { return grey_; }

  private:
    const std::uint8_t* grey_ = nullptr;
};

/// One part of the data set, in file order. Copies share the images, which live as long as any of them.
class MnistReader {
  public:
    using shape = Shape<1, 28, 28>;
    static constexpr int classes = 10;
    struct sample {
        MnistImage image;
        int label = 0;
    };
    struct Part {
        IdxImages images;
        std::vector<std::uint8_t> labels;
    };

    explicit MnistReader(std::shared_ptr<const Part> part) : part_(std::move(part)) {}

    std::size_t size() const { return part_->labels.size(); }
    MnistImage image(std::size_t i) const { return MnistImage(part_->images.image(i)); }
    int label(std::size_t i) const { return part_->labels[i]; }

    void start(unsigned) { at_ = 0; }

    bool next(sample& s) {
        if (at_ == size()) return false;
        s = {image(at_), label(at_)};
        ++at_;
        return true;
    }

    Stored<Grey> stored() const {
        const auto& pixels = part_->images.pixels;
        return {{reinterpret_cast<const Grey*>(pixels.data()), pixels.size()},
                {part_->labels.begin(), part_->labels.end()}};
    }
    void order(unsigned, std::vector<std::uint32_t>& to) const {
        to.resize(size());
        std::iota(to.begin(), to.end(), 0u);
    }

  private:
    std::shared_ptr<const Part> part_;
    std::size_t at_ = 0;
};

class Mnist {
  public:
    /// Reads all four files of a folder, gzipped or not. Throws file_error for one that is missing or damaged.
    explicit Mnist(const std::filesystem::path& folder) : train_(read(folder, "train")), test_(read(folder, "t10k")) {}

    MnistReader train() const { return train_; }
    MnistReader test() const { return test_; }

  private:
    /// FOLDER/PART-KIND under any of the names that data sets use.
    static std::filesystem::path find(const std::filesystem::path& folder, const std::string& part,
                                      const std::string& kind) {
        std::string tried;
        for (const std::string separator : {"-", "."})
            for (const std::string ending : {"", ".gz"}) {
                const std::string name =
                    part +
                    (kind == "images" ? "-images" + separator + "idx3-ubyte" : "-labels" + separator + "idx1-ubyte") +
                    ending;
                std::error_code failure;
                if (std::filesystem::exists(folder / name, failure)) return folder / name;
                tried += tried.empty() ? "" : ", ";
                tried += name;
            }
        std::error_code failure;
        const bool is_folder = std::filesystem::is_directory(folder, failure);
        throw file_error(folder.string(), (is_folder ? "has none of " : "no folder with one of ") + tried);
    }

    static MnistReader read(const std::filesystem::path& folder, const std::string& part) {
        const auto images_path = find(folder, part, "images"), labels_path = find(folder, part, "labels");
        auto images = read_idx_images(images_path);
        if (images.rows != 28 || images.columns != 28)
            throw file_error(images_path.string(), "images of " + std::to_string(images.rows) + "x" +
                                                       std::to_string(images.columns) + ": expected 28x28");
        auto labels = read_idx_labels(labels_path, MnistReader::classes);
        if (labels.size() != images.count)
            throw file_error(labels_path.string(), std::to_string(labels.size()) + " labels: expected " +
                                                       std::to_string(images.count) + ", as there are images in " +
                                                       images_path.filename().string());
        return MnistReader(
            std::make_shared<const MnistReader::Part>(MnistReader::Part{std::move(images), std::move(labels)}));
    }

    MnistReader train_, test_;
};

} // namespace ikebana
