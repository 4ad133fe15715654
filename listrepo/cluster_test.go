package listrepo_test

import (
	"testing"

	"github.com/symphony-go/symphony/internal/pooltest"
)

// The tests of one server also pass on a cluster.
func TestOnACluster(t *testing.T) {
	pooltest.OnCluster(t,
		TestAgainstASlice,
		TestLifetimes,
		TestMaxLen,
		TestConditions,
		TestMarked,
		TestCorruptItem,
		TestAllPages,
		TestPopIsAtomic,
		TestKeyOfAnotherType,
		TestNextOfALostClaim,
		TestNextOfAnExpiredClaim,
		TestClaim,
		TestExpiredLease,
		TestMaxAttempts,
		TestExpiredItemsComeFirst,
		TestClaimCorruptItem,
		TestClaimLifetimes,
		TestDeleteEndsClaims,
		TestMarksWhenItemsComeBack,
		TestProcess,
		TestProcessKeepsItsLease,
		TestProcessAcksAfterItsContext,
		TestProcessCorruptItem,
		TestBacklogOldest,
		TestEqualItems,
		TestIDsOfTakenItemsAreForgotten,
	)
}
