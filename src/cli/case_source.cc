#include "cli/case_source.h"

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "source/source.h"

namespace sluice {
namespace {

constexpr char kFiles[] = "files";

bool IsTombstone(const std::string& origin) {
  const auto json = nlohmann::json::parse(origin, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return false;
  const auto path = json.find("path");
  return path != json.end() && path->is_string() &&
         path->get_ref<const std::string&>().ends_with(kTombstoneEnd);
}

/// The messages of another batch, once or several times, with tombstones where its files say so.
class CaseBatch final : public RawBatch {
 public:
  CaseBatch(std::shared_ptr<const RawBatch> inner, int times) : inner_(std::move(inner)) {
    for (int i = 0; i < times; ++i) {
      const auto shift = static_cast<std::uint32_t>(ranges.size());
      ranges.insert(ranges.end(), inner_->ranges.begin(), inner_->ranges.end());
      for (std::size_t k = 0; k < inner_->records.size(); ++k) {
        RawRecord record = inner_->records[k];
        record.range += shift;
        if (IsTombstone(inner_->Origin(k))) record.data = nullptr;
        records.push_back(record);
        bytes += record.size;
        origin_of_.push_back(k);
      }
    }
  }

  /// What the engine drops are repetitions, and those lie behind what it keeps.
  std::string Origin(std::size_t record) const override {
    return inner_->Origin(origin_of_[record]);
  }

 private:
  std::shared_ptr<const RawBatch> inner_;
  std::vector<std::size_t> origin_of_;
};

class CaseReader final : public SplitReader {
 public:
  CaseReader(std::unique_ptr<SplitReader> inner, bool twice)
      : inner_(std::move(inner)), twice_(twice) {}

  Result<std::unique_ptr<RawBatch>> Read(const ReadLimits& limits) override {
    if (again_ != nullptr) {
      return std::unique_ptr<RawBatch>(
          std::make_unique<CaseBatch>(std::exchange(again_, nullptr), 1));
    }
    TRY(std::shared_ptr<const RawBatch> batch, inner_->Read(limits));
    if (batch == nullptr) return std::unique_ptr<RawBatch>();
    if (twice_) again_ = batch;
    return std::unique_ptr<RawBatch>(std::make_unique<CaseBatch>(std::move(batch), twice_ ? 2 : 1));
  }

  Result<void> Seek(const SplitId& split, const Position& position) override {
    return inner_->Seek(split, position);
  }
  Result<void> Add(const SplitStart& start) override { return inner_->Add(start); }
  void Wake() override { inner_->Wake(); }

 private:
  std::unique_ptr<SplitReader> inner_;
  const bool twice_;
  std::shared_ptr<const RawBatch> again_;  ///< What comes once more.
};

class CaseSource final : public Source {
 public:
  CaseSource(std::unique_ptr<Source> inner, bool twice) : inner_(std::move(inner)), twice_(twice) {}

  const std::vector<std::shared_ptr<arrow::Field>>& extra_fields() const override {
    return inner_->extra_fields();
  }
  Result<std::vector<Split>> ListSplits() override { return inner_->ListSplits(); }
  Result<std::vector<Missing>> JudgeMissing(const std::vector<SplitStart>& starts) override {
    return inner_->JudgeMissing(starts);
  }
  Result<std::vector<SplitStart>> ResolveStart(const std::vector<Split>& splits,
                                               bool first) override {
    return inner_->ResolveStart(splits, first);
  }
  Result<Verified> Verify(const std::vector<SplitStart>& starts) override {
    return inner_->Verify(starts);
  }
  Result<std::map<SplitId, Position>> Ends(const std::vector<SplitId>& splits) override {
    return inner_->Ends(splits);
  }
  Result<std::unique_ptr<SplitReader>> OpenReader(const std::vector<SplitStart>& starts) override {
    TRY(std::unique_ptr<SplitReader> reader, inner_->OpenReader(starts));
    return std::unique_ptr<SplitReader>(std::make_unique<CaseReader>(std::move(reader), twice_));
  }
  int ComparePositions(const Position& a, const Position& b) const override {
    return inner_->ComparePositions(a, b);
  }
  std::int64_t Distance(const Position& from, const Position& to) const override {
    return inner_->Distance(from, to);
  }
  void Committed(const std::vector<SplitStart>& positions) override {
    inner_->Committed(positions);
  }

 private:
  std::unique_ptr<Source> inner_;
  const bool twice_;
};

}  // namespace

Parts PartsForCases(const Parts& parts, bool twice) {
  Parts changed = parts;
  changed.sources = SourceRegistry("source");
  for (const auto& [name, entry] : parts.sources.entries()) {
    SourceEntry copy = entry;
    if (name == kFiles) {
      copy.make = [make = entry.make, twice](
                      const Options& options,
                      const SourceContext& context) -> Result<std::unique_ptr<Source>> {
        TRY(std::unique_ptr<Source> inner, make(options, context));
        return std::unique_ptr<Source>(std::make_unique<CaseSource>(std::move(inner), twice));
      };
    }
    changed.sources.Add(std::move(copy));
  }
  return changed;
}

}  // namespace sluice
