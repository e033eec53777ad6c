/// Columns that a statement names and that no record has shown yet: null, until one does.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/result.h"
#include "transform/transform.h"

namespace sluice {

/// Puts NULL in the place of the column that `refusal`, DuckDB's message for the statement of
/// `tree`, does not find, if it may be one that is not known yet: it is read from an input that is
/// open. Then `*name` is what was meant. False: the statement is wrong as it is.
bool ReplaceUnseen(const std::string& refusal, const std::vector<InputSchema>& inputs,
                   nlohmann::json* tree, std::string* name);

/// Takes results out of the outermost SELECT that are nothing but an unseen column called one of
/// `names`: they have no type yet, and so no column.
void DropUnseenResults(const std::vector<std::string>& names, nlohmann::json* tree);

}  // namespace sluice
