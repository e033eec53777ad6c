/// Tables and views of a PostgreSQL database.
#pragma once

#include "table/table.h"

namespace sluice {

TableEntry PostgresqlTableEntry();

}  // namespace sluice
