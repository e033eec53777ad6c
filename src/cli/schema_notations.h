/// Schemas in the notations of other systems.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "record/schema.h"

namespace sluice {

/// As Spark writes schemas, for StructType.fromJson. REQUIRES, as below: canonical types.
nlohmann::ordered_json SparkSchema(const arrow::Schema& schema);

/// A type as Hive and Glue's catalog name it. Hive has no timestamp_ntz: it is `timestamp` there.
std::string HiveType(const arrow::DataType& type);

struct GlueTable {
  std::string database;
  std::string name;
  std::string location;                           ///< "" if the source has none.
  std::map<std::string, std::string> parameters;  ///< Of the table: classification, typeOfData...
};

/// Indented, with a line end.
std::string PrintJson(const nlohmann::ordered_json& json);

/// The body of a CreateTable request.
nlohmann::ordered_json GlueCreateTable(const GlueTable& table, const arrow::Schema& schema);

}  // namespace sluice
