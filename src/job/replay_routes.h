/// Where a dead letter enters the job again: only where its record was refused.
///
///   refused by the decoder        its message, or one row of it, to all that read the source
///   by a step that reads a source one row of its message, decoded again, to that step
///   by another step, or a sink    the row as JSON, to that step or sink
///
/// Immutable once made; any thread.
#pragma once

#include <arrow/record_batch.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/result.h"
#include "decode/message_decoder.h"
#include "engine/pipeline.h"
#include "job/letter.h"
#include "job/parts.h"
#include "job/plan.h"

namespace sluice {

/// The way of one letter.
struct ReplayWay {
  std::size_t entry = 0;  ///< Index into ReplayRoutes::entries().
  enum class Payload { kBytes, kMessage, kInput } payload = Payload::kBytes;  ///< What is decoded.
  std::int32_t only_row = -1;  ///< Of what is decoded; -1 for all of it.
  /// One row with the source's own columns, if it has any.
  std::shared_ptr<arrow::RecordBatch> columns = nullptr;
};

/// Why a letter cannot enter.
struct NoWay {
  std::string code;
  std::string reason;
};

class ReplayRoutes {
 public:
  /// Entry 0 leads nowhere: its letters are refused again.
  static constexpr std::size_t kNowhere = 0;

  /// `parts` must outlive the routes.
  static Result<std::shared_ptr<const ReplayRoutes>> Make(std::shared_ptr<const Plan> plan,
                                                          const Parts& parts);

  const std::string& job() const { return plan_->job.name; }
  const std::vector<PipelineEntry>& entries() const { return entries_; }
  /// What decodes the payloads of an entry; null for kNowhere.
  Result<std::unique_ptr<MessageDecoder>> MakeDecoder(std::size_t entry) const;
  Result<std::variant<ReplayWay, NoWay>> Find(const Letter& letter) const;

 private:
  using DecoderMaker = std::function<Result<std::unique_ptr<MessageDecoder>>()>;
  ReplayRoutes(std::shared_ptr<const Plan> plan, const Parts& parts);
  Result<void> AddEntries();
  /// A decoder of rows as JSON, as dead letters have them.
  Result<std::unique_ptr<MessageDecoder>> RowDecoder(const SchemaPtr& schema) const;
  Result<void> AddRows(const std::string& to, const SchemaPtr& schema);
  std::size_t Add(PipelineEntry entry, DecoderMaker make);
  Result<std::variant<ReplayWay, NoWay>> ByMessage(const Letter& letter, std::size_t source,
                                                   std::size_t entry) const;

  std::shared_ptr<const Plan> plan_;
  const Parts& parts_;
  std::vector<PipelineEntry> entries_;
  std::vector<DecoderMaker> makers_;
  std::map<std::string, std::size_t> sources_;    ///< Of the job, by name: index.
  std::map<std::string, std::size_t> by_source_;  ///< Source: entry to all that read it.
  std::map<std::pair<std::string, std::string>, std::size_t> by_reader_;  ///< Source and step.
  std::map<std::string, std::size_t> by_row_;                             ///< Step or sink.
  std::map<std::string, std::string> no_rows_;  ///< Step or sink: why no row can enter.
};

}  // namespace sluice
