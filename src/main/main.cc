#include <iostream>

#include "cli/command_line.h"
#include "main/built_in_parts.h"

int main(int argc, char** argv) {
  return sluice::RunCommandLine(argc, argv, sluice::BuiltInParts(), std::cout, std::cerr);
}
