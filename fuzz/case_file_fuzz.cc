// Any text as a text case, for decoders and for pipelines. A case may name files to read; those
// inputs are left out.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "cli/case_file.h"
#include "cli/pipe_case.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (text.find(".file") != text.npos) return 0;
  auto lines = sluice::SplitCase("x.case", text);
  if (lines.ok()) {
    for (const auto& line : *lines) {
      if (line.line < 1 || line.last < line.line) std::abort();
    }
    auto same = sluice::SplitCase("x.case", sluice::RewriteCase(text, {}, {}));
    if (!same.ok() || same->size() != lines->size()) std::abort();
  }
  auto decode = sluice::ParseDecodeCase("x.case", text);
  if (decode.ok()) {
    for (const auto& row : decode->rows) {
      const std::string compact = sluice::CompactJson(row.text);
      if (sluice::CompactJson(sluice::SpacedJson(row.text)) != compact) std::abort();
    }
  }
  auto pipe = sluice::ParsePipeCase("x.pipe", text);
  for (const sluice::Error* error :
       {decode.ok() ? nullptr : &decode.error(), pipe.ok() ? nullptr : &pipe.error()}) {
    if (error != nullptr && error->blame != sluice::Blame::kUser) std::abort();
  }
  return 0;
}
