package kvrepo_test

import (
	"testing"

	"github.com/symphony-go/symphony/internal/pooltest"
)

// What holds on one server holds on a cluster.
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
		TestGetOrLoadComesSecond,
		TestGetOrLoadLosesItsLock,
		TestConcurrentMutationsAllCount,
		TestMutate,
	)
}
