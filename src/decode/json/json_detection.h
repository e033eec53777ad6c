/// What a JsonReader keeps while it detects columns.
#pragma once

#include <memory>

#include "decode/column_builder.h"
#include "decode/rescued_column.h"
#include "record/observed_type.h"

namespace sluice {

struct JsonDetection {
  /// The last column of `rows` is `_rescued`.
  explicit JsonDetection(ColumnBuilder* rows) : rescued(rows->child(rows->num_children() - 1)) {}

  /// Made when there is something to note; what a bad message showed is forgotten with it.
  ObservedType* OfMessage() {
    if (message == nullptr) {
      message = std::make_unique<ObservedType>();
      message->See(SeenKind::kStruct);
    }
    return message.get();
  }

  RescuedColumn rescued;
  ObservedType beyond;  ///< For places that an observation has no room for; never looked at.
  std::unique_ptr<ObservedType> message;
  std::shared_ptr<ObservedType> batch;
};

}  // namespace sluice
