#include "decode/avro/avro_file.h"

#include <zlib.h>

#include <algorithm>
#include <limits>
#include <map>
#include <utility>

#include "decode/avro/avro_varint.h"
#include "decode/codec/codec.h"

namespace sluice {
namespace {

constexpr std::size_t kSyncBytes = 16;
constexpr std::int64_t kMaxMetadata = 1000;
/// The size of zlib's checksum.
constexpr std::size_t kMostBehindDeflate = 4;

/// The framing of a file: numbers, lengths, maps of bytes.
class Cursor {
 public:
  Cursor(std::string_view file, std::size_t at, AvroFault* fault)
      : file_(file), at_(at), fault_(fault) {}

  std::size_t at() const { return at_; }
  std::size_t left() const { return file_.size() - at_; }

  bool Fail(std::size_t byte, std::string reason) {
    fault_->byte = byte;
    fault_->reason = std::move(reason);
    return false;
  }

  bool Long(std::int64_t* out) {
    const auto* data = reinterpret_cast<const std::uint8_t*>(file_.data());
    const auto* next = ReadAvroLong(data + at_, data + file_.size(), out);
    if (next == nullptr) return Fail(at_, "the file ends within a number, or it is too long");
    at_ = static_cast<std::size_t>(next - data);
    return true;
  }

  bool Take(std::size_t size, const char* what, std::string_view* out) {
    if (size > left()) return Fail(at_, std::string("the file ends within ") + what);
    *out = file_.substr(at_, size);
    at_ += size;
    return true;
  }

  bool Sized(const char* what, std::string_view* out) {
    const std::size_t begin = at_;
    std::int64_t size;
    if (!Long(&size)) return false;
    if (size < 0) return Fail(begin, std::string("the length of ") + what + " is negative");
    return Take(static_cast<std::size_t>(size), what, out);
  }

  bool Metadata(std::map<std::string_view, std::string_view>* out) {
    std::int64_t entries = 0;
    for (;;) {
      const std::size_t begin = at_;
      std::int64_t count;
      std::int64_t size = 0;
      if (!Long(&count)) return false;
      if (count == 0) return true;
      if (count < 0) {
        if (!Long(&size)) return false;
        // The lowest number has no opposite.
        count = count == std::numeric_limits<std::int64_t>::min() ? kMaxMetadata + 1 : -count;
      }
      if (count > kMaxMetadata - entries) {
        return Fail(begin, "the header has more than " + std::to_string(kMaxMetadata) + " entries");
      }
      entries += count;
      for (; count > 0; --count) {
        const std::size_t place = at_;
        std::string_view key;
        std::string_view value;
        if (!Sized("the header", &key) || !Sized("the header", &value)) return false;
        if (!out->emplace(key, value).second) {
          return Fail(place, "an entry of the header is repeated");
        }
      }
    }
  }

 private:
  std::string_view file_;
  std::size_t at_;
  AvroFault* fault_;
};

bool ReadOldHeader(std::string_view file, AvroFileHeader* header, AvroFault* fault) {
  Cursor cursor(file, 4, fault);
  if (file.size() < 4 + kSyncBytes + 4) return cursor.Fail(file.size(), "the file ends too early");
  std::size_t footer = 0;
  for (std::size_t i = file.size() - 4; i < file.size(); ++i) {
    footer = footer << 8 | static_cast<unsigned char>(file[i]);
  }
  if (footer > file.size() - 4) {
    return cursor.Fail(file.size() - 4, "the footer is larger than the file");
  }
  cursor = Cursor(file, file.size() - footer, fault);
  std::map<std::string_view, std::string_view> metadata;
  if (!cursor.Metadata(&metadata)) return false;
  header->version = 0;
  header->schema = metadata["schema"];
  header->codec = metadata.contains("codec") ? metadata["codec"] : "null";
  header->sync = metadata["sync"];
  header->blocks = 4;
  header->blocks_end = file.size() - footer;
  if (header->schema.empty() || header->sync.size() != kSyncBytes) {
    return cursor.Fail(header->blocks_end, "the footer lacks the schema or the sync marker");
  }
  if (header->codec != "null") {
    return cursor.Fail(header->blocks_end, "files of Avro 1.2 are not compressed");
  }
  return true;
}

/// One block: some bytes in, some bytes out.
class BlockCodec {
 public:
  BlockCodec(std::string_view name, CodecBuffer* scratch) : scratch_(scratch) {
    static const auto& codecs = *new std::map<std::string_view, DecompressFunction>{
        {"deflate", DecompressRawDeflate}, {"snappy", DecompressSnappyRaw},
        {"bzip2", DecompressBzip2},        {"xz", DecompressXz},
        {"zstandard", DecompressZstd},
    };
    const auto found = codecs.find(name);
    if (found != codecs.end()) decompress_ = found->second;
    deflate_ = name == "deflate";
    plain_ = name == "null";
    checked_ = name == "snappy";
  }

  bool known() const { return plain_ || decompress_ != nullptr; }
  bool plain() const { return plain_; }

  CodecResult Decompress(std::string_view block, std::size_t most, std::string_view* out) {
    std::string_view sum;
    if (checked_) {
      if (block.size() < 4) return {CodecStatus::kBroken, 0, "its checksum is missing"};
      sum = block.substr(block.size() - 4);
      block.remove_suffix(4);
    }
    const CodecResult result = Run(block, most);
    if (result.status != CodecStatus::kOk) return result;
    *out = scratch_->view();
    if (checked_ && Sum(*out) != BigEndian(sum)) {
      return {CodecStatus::kBroken, block.size(), "its checksum is wrong"};
    }
    return {};
  }

 private:
  /// Some writers (fastavro) leave the end of zlib's checksum behind a deflate stream, and others'
  /// readers never look there. A file that has such bytes has them in every block.
  CodecResult Run(std::string_view block, std::size_t most) {
    scratch_->Clear();
    const std::size_t tail = std::min(tail_, block.size());
    CodecResult result = decompress_(block.substr(0, block.size() - tail), most, scratch_);
    if (!deflate_ || result.status != CodecStatus::kBroken) return result;
    if (tail > 0) result = decompress_(block, most, scratch_);
    if (result.status != CodecStatus::kBroken) return result;
    const std::size_t behind = block.size() - std::min(result.byte, block.size());
    if (behind == 0 || behind > kMostBehindDeflate) return result;
    const CodecResult without = decompress_(block.substr(0, result.byte), most, scratch_);
    if (without.status != CodecStatus::kOk) return result;
    tail_ = behind;
    return without;
  }

  static std::uint32_t Sum(std::string_view bytes) {
    return static_cast<std::uint32_t>(
        crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
  }
  static std::uint32_t BigEndian(std::string_view bytes) {
    std::uint32_t value = 0;
    for (const char c : bytes) value = value << 8 | static_cast<unsigned char>(c);
    return value;
  }

  DecompressFunction decompress_ = nullptr;
  CodecBuffer* scratch_;
  std::size_t tail_ = 0;  ///< Bytes that the last block had behind its end.
  bool deflate_ = false;
  bool plain_ = false;
  bool checked_ = false;
};

bool ReadOldBlocks(std::string_view file, const AvroFileHeader& header, const AvroProgram& program,
                   AvroReader* rows) {
  AvroFault fault;
  Cursor cursor(file.substr(0, header.blocks_end), header.blocks, &fault);
  while (cursor.left() > 0) {
    const std::size_t begin = cursor.at();
    std::string_view sync;
    std::int64_t count;
    if (!cursor.Take(kSyncBytes, "a sync marker", &sync) || !cursor.Long(&count)) {
      return rows->Refuse(fault.byte, fault.code, std::move(fault.reason));
    }
    if (sync != header.sync) return rows->Refuse(begin, "avro.file", "a sync marker is wrong");
    if (count < 0) {
      // A footer that was written in between: skipped, like the last one.
      std::string_view footer;
      if (count != -1) return rows->Refuse(begin, "avro.file", "a block has a negative count");
      std::int64_t size;
      if (!cursor.Long(&size)) return rows->Refuse(fault.byte, fault.code, fault.reason);
      if (size < 0 || static_cast<std::size_t>(size) >= cursor.left()) return true;
      cursor.Take(static_cast<std::size_t>(size), "a footer", &footer);
      continue;
    }
    std::size_t used = 0;
    const std::string_view rest = file.substr(cursor.at(), header.blocks_end - cursor.at());
    if (!rows->ReadSome(program, rest, count, cursor.at(), /*inflated=*/false, &used)) return false;
    cursor = Cursor(file.substr(0, header.blocks_end), cursor.at() + used, &fault);
  }
  return true;
}

}  // namespace

bool BeginsAvroFile(std::string_view bytes) {
  return bytes.substr(0, 3) == "Obj" && bytes.size() > 3 && (bytes[3] == 1 || bytes[3] == 0);
}

bool ReadAvroFileHeader(std::string_view file, AvroFileHeader* header, AvroFault* fault) {
  if (file[3] == 0) return ReadOldHeader(file, header, fault);
  Cursor cursor(file, 4, fault);
  std::map<std::string_view, std::string_view> metadata;
  if (!cursor.Metadata(&metadata)) return false;
  header->version = 1;
  header->schema = metadata["avro.schema"];
  header->codec = metadata.contains("avro.codec") ? metadata["avro.codec"] : "null";
  if (header->schema.empty()) return cursor.Fail(4, "the header has no avro.schema");
  if (!cursor.Take(kSyncBytes, "the sync marker", &header->sync)) return false;
  header->blocks = cursor.at();
  header->blocks_end = file.size();
  return true;
}

bool ReadAvroBlocks(std::string_view file, const AvroFileHeader& header, const AvroProgram& program,
                    const DecodeLimits& limits, CodecBuffer* scratch, AvroReader* rows,
                    std::size_t* inflated) {
  *inflated = 0;
  if (header.version == 0) return ReadOldBlocks(file, header, program, rows);
  BlockCodec codec(header.codec, scratch);
  if (!codec.known()) {
    return rows->Refuse(4, "avro.codec",
                        "the file's codec '" + std::string(header.codec.substr(0, 40)) +
                            "' is none of null, deflate, snappy, bzip2, xz, zstandard");
  }
  const std::size_t most =
      std::min(limits.decompressed_bytes,
               std::max(limits.decompressed_free, limits.decompressed_ratio * file.size()));
  AvroFault fault;
  Cursor cursor(file, header.blocks, &fault);
  while (cursor.left() > 0) {
    const std::size_t begin = cursor.at();
    std::int64_t count;
    std::string_view data;
    std::string_view sync;
    if (!cursor.Long(&count) || !cursor.Sized("a block", &data) ||
        !cursor.Take(kSyncBytes, "a sync marker", &sync)) {
      return rows->Refuse(fault.byte, fault.code, std::move(fault.reason));
    }
    if (count < 0) return rows->Refuse(begin, "avro.file", "a block has a negative count");
    if (sync != header.sync) {
      return rows->Refuse(cursor.at() - kSyncBytes, "avro.file",
                          "the sync marker behind a block is not that of the header");
    }
    const auto place = static_cast<std::size_t>(data.data() - file.data());
    if (!codec.plain()) {
      std::string_view plain;
      const CodecResult result = codec.Decompress(data, most - *inflated, &plain);
      if (result.status == CodecStatus::kTooLarge) {
        const bool by_size = most == limits.decompressed_bytes;
        return rows->Refuse(place, by_size ? "limit.decompressed" : "limit.ratio",
                            "the file's blocks hold more than " + std::to_string(most) + " bytes");
      }
      if (result.status != CodecStatus::kOk) {
        return rows->Refuse(
            place + std::min(result.byte, data.size()), "avro.codec",
            "a block cannot be decompressed (" + std::string(header.codec) + "): " + result.reason);
      }
      *inflated += plain.size();
      data = plain;
    }
    if (!rows->ReadRows(program, data, count, place, !codec.plain())) return false;
  }
  return true;
}

}  // namespace sluice
