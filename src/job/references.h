/// Values by reference: `${NAME}` and `${ENV:NAME}` from the environment, `${file:/path}` from a
/// file.
///
/// How secrets reach a job without standing in its file. A reference may be a part of a value;
/// `$${` is a plain `${`. What was put in is marked hidden, so that no message shows it.
#pragma once

#include "core/options.h"
#include "core/result.h"

namespace sluice {

/// Replaces every reference in `value`, lists and maps included. `option` and `owner` are for
/// messages
/// ("sasl.password", "source clicks"). User errors "job.reference" name the variable or the file
/// and never their content. A file is read up to 64 KiB, without the line break at its end.
Result<void> ResolveReferences(const std::string& owner, const std::string& option,
                               RawValue* value);

}  // namespace sluice
