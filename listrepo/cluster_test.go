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
		TestConditions,
		TestCorruptItem,
		TestAllPages,
		TestPopIsAtomic,
		TestKeyOfAnotherType,
		TestNextOfALostClaim,
		TestNextOfALapsedClaim,
	)
}
