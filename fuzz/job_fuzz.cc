// Any text as a job file: read, or refused as the user's mistake at a place in the file. References
// are resolved as in a real job, so those to files are left out.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "job/fake_parts.h"
#include "job/job.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto parts = sluice::FakeParts();
  const std::string text(reinterpret_cast<const char*>(data), size);
  if (text.find("file:") != text.npos) return 0;
  auto job = sluice::ParseJob(text, "job.yaml", *parts);
  if (job.ok()) {
    for (const auto& sink : job->sinks) {
      auto again = sluice::ParseRecordedSink(*sink.type, sink.name, sink.options.ToJson());
      if (!again.ok() || again->ToJson() != sink.options.ToJson()) std::abort();
    }
    return 0;
  }
  if (job.error().blame != sluice::Blame::kUser) std::abort();
  if (!job.error().message.starts_with("job.yaml:")) std::abort();
  return 0;
}
