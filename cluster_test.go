package symphony_test

import (
	"testing"

	"github.com/symphony-go/symphony/internal/pooltest"
)

// What holds on one server holds on a cluster.
func TestOnACluster(t *testing.T) {
	pooltest.OnCluster(t,
		TestWhereTheSevenWrite,
		TestBatch,
		TestEnqueueWithoutMark,
		TestNoEnqueueIsForgotten,
		TestWorkIsFair,
		TestWorkAfterADeath,
		TestForceRemoveFromPending,
		TestWorkersNeverOverlap,
		TestStateHandlerMerge,
		TestTenantsAreApart,
		TestDeleteAllByPK,
		TestSharedState,
		TestTriggers,
		TestTriggersFire,
	)
}
