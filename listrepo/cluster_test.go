package listrepo_test

import (
	"testing"

	"github.com/symphony-go/symphony/internal/pooltest"
)

// What holds on one server holds on a cluster.
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
		TestNextOfALapsedClaim,
		TestClaim,
		TestLapse,
		TestMaxAttempts,
		TestLapsedItemsComeFirst,
		TestClaimCorruptItem,
		TestClaimLifetimes,
		TestDeleteEndsClaims,
		TestMarksOfWhatComesBack,
		TestProcess,
		TestProcessKeepsItsLease,
		TestProcessAcksAfterItsContext,
		TestProcessCorruptItem,
		TestBacklogOldest,
		TestEqualItems,
		TestNumbersOfOthersItems,
	)
}
