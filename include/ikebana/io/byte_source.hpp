// The bytes of a file one after the other, unpacked where the file is gzipped (RFC 1952; one or more members). Damage
// is an error that names the byte: nothing of a broken or cut gzip file passes for its end.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <ikebana/core/error.hpp>
#include <ikebana/io/open_file.hpp>
#include <limits>
#include <string>
#include <zlib.h>

namespace ikebana::detail {

class ByteSource {
  public:
    /// Throws file_error for what cannot be opened, is no file, or is empty.
    explicit ByteSource(const std::filesystem::path& path) : name_(path.string()), file_(open_file(path)) {
        fill();
        if (in_.avail_in >= 2 && buffer_[0] == 0x1f && buffer_[1] == 0x8b) {
            if (inflateInit2(&in_, 15 + 16) != Z_OK) throw file_error(name_, "zlib does not start");
            packed_ = true;
        }
    }
    ~ByteSource() {
        if (packed_) inflateEnd(&in_);
    }
    ByteSource(const ByteSource&) = delete;
    ByteSource& operator=(const ByteSource&) = delete;

    const std::string& name() const { return name_; }
    bool packed() const { return packed_; }

    /// Where the next byte stands, counted in unpacked bytes.
    std::uint64_t offset() const { return offset_; }

    /// No more bytes than this can follow: what the file's size leaves, for gzip at deflate's best ratio, 1032.
    std::uint64_t at_most() const {
        const std::uint64_t all = packed_ ? file_.size * 1032 : file_.size;
        return all > offset_ ? all - offset_ : 0;
    }

    /// Reads up to n bytes; fewer only where the data ends.
    std::size_t read(std::uint8_t* to, std::size_t n) {
        const std::size_t got = packed_ ? unpack(to, n) : copy(to, n);
        offset_ += got;
        return got;
    }

    /// "NAME: WHAT at byte OFFSET: expected EXPECTED"
    [[noreturn]] void fail(const std::string& what, const std::string& expected) const {
        throw file_error(name_, what + at(offset_) + ": expected " + expected);
    }

  private:
    std::string at(std::uint64_t offset) const {
        return " at byte " + std::to_string(offset) + (packed_ ? " of the unpacked data" : "");
    }

    /// More bytes of the file into the buffer; false at its end.
    bool fill() {
        in_.next_in = buffer_.data();
        in_.avail_in = static_cast<uInt>(read_file(file_, name_, buffer_.data(), buffer_.size()));
        return in_.avail_in > 0;
    }

    std::size_t copy(std::uint8_t* to, std::size_t n) {
        std::size_t got = 0;
        while (got < n && (in_.avail_in > 0 || fill())) {
            const std::size_t part = std::min<std::size_t>(n - got, in_.avail_in);
            std::memcpy(to + got, in_.next_in, part);
            in_.next_in += part;
            in_.avail_in -= static_cast<uInt>(part);
            got += part;
        }
        return got;
    }

    std::size_t unpack(std::uint8_t* to, std::size_t n) {
        std::size_t got = 0;
        while (got < n && !ended_) {
            if (in_.avail_in == 0 && !fill())
                throw file_error(name_, "gzip data is cut off after byte " + std::to_string(file_.size) +
                                            " of the file: expected more of it");
            const auto room = static_cast<uInt>(std::min<std::size_t>(n - got, std::numeric_limits<uInt>::max()));
            in_.next_out = to + got;
            in_.avail_out = room;
            const int result = inflate(&in_, Z_NO_FLUSH);
            got += room - in_.avail_out;
            if (result == Z_STREAM_END)
                ended_ = !next_member();
            else if (result != Z_OK && result != Z_BUF_ERROR)
                throw file_error(name_, "gzip data is damaged (" + std::string(in_.msg ? in_.msg : "unknown reason") +
                                            ")" + at(offset_ + got) + ": expected a whole gzip file");
        }
        return got;
    }

    /// Begins the gzip member that follows the one just ended; false where the file ends.
    bool next_member() {
        if (in_.avail_in == 0 && !fill()) return false;
        if (in_.next_in[0] != 0x1f)
            throw file_error(name_, "goes on after its gzip data: expected the end of the file");
        inflateReset(&in_);
        return true;
    }

    std::string name_;
    OpenFile file_;
    std::uint64_t offset_ = 0;
    bool packed_ = false, ended_ = false;
    z_stream in_{};
    std::array<std::uint8_t, 65536> buffer_;
};

} // namespace ikebana::detail
