/// What a reader keeps while it detects columns, whatever its format.
#pragma once

#include <memory>
#include <utility>

#include "decode/column_builder.h"
#include "decode/rescued_column.h"
#include "record/observed_type.h"

namespace sluice {

/// One thread at a time. Per message: StartMessage, then what is noted in OfMessage() and
/// `rescued`, then Keep if the message was good.
struct Detection {
  /// The last column of `rows` is `_rescued`.
  explicit Detection(ColumnBuilder* rows) : rescued(rows->child(rows->num_children() - 1)) {}

  void StartMessage() {
    rescued.StartMessage();
    message.reset();
  }

  /// Made when there is something to note; what a bad message showed is forgotten with it.
  ObservedType* OfMessage() {
    if (message == nullptr) {
      message = std::make_unique<ObservedType>();
      message->See(SeenKind::kStruct);
    }
    return message.get();
  }

  void Keep() {
    if (message == nullptr) return;
    if (batch == nullptr) batch = std::make_shared<ObservedType>();
    batch->Merge(*message);
  }

  /// See DecodedRows::unseen.
  std::shared_ptr<const ObservedType> TakeUnseen() { return std::exchange(batch, nullptr); }

  RescuedColumn rescued;
  ObservedType beyond;  ///< For places that an observation has no room for; never looked at.
  std::unique_ptr<ObservedType> message;
  std::shared_ptr<ObservedType> batch;
};

}  // namespace sluice
