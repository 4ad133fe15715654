package kvrepo_test

import (
	"testing"

	"github.com/symphony-go/symphony/internal/pooltest"
)

// The tests of a single server pass on a cluster too.
func TestOnACluster(t *testing.T) {
	pooltest.OnCluster(t,
		TestRoundTrip,
		TestMissing,
		TestLifetimes,
		TestConditions,
		TestKeyOfAnotherType,
		TestCorruptValue,
		TestIDsAndDeleteAll,
		TestGetOrLoadLoadsOnce,
		TestGetOrLoadFails,
		TestGetOrLoadWaitsNoLongerThanItsContext,
		TestGetOrLoadReturnsAValueStoredDuringTheLoad,
		TestGetOrLoadLosesItsLock,
		TestConcurrentMutationsAllCount,
		TestMutate,
	)
}
