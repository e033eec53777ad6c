#include <gtest/gtest.h>

#include "engine/schema_watch.h"

namespace sluice {
namespace {

TEST(EarlySealsTest, ComeSoManyTimesInAWindow) {
  EarlySeals seals(100);
  for (std::size_t i = 0; i < EarlySeals::kInAWindow; ++i) {
    EXPECT_TRUE(seals.Allowed(50, /*drops=*/false));
    seals.Note(50);
  }
  EXPECT_FALSE(seals.Allowed(149, false));
  EXPECT_TRUE(seals.Allowed(150, false));
}

TEST(EarlySealsTest, AnEpochIsNotDroppedForEver) {
  EarlySeals seals(100);
  seals.NoteBegun(0);
  EXPECT_TRUE(seals.Allowed(99, /*drops=*/true));
  seals.NoteBegun(99);  // Anew: it counts from its first beginning.
  EXPECT_FALSE(seals.Allowed(100, true));
  EXPECT_TRUE(seals.Allowed(100, false));
  seals.NoteNewEpoch(110);
  EXPECT_TRUE(seals.Allowed(200, true));
  EXPECT_FALSE(seals.Allowed(210, true));
}

}  // namespace
}  // namespace sluice
