package symphony_test

import (
	"testing"

	"github.com/symphony-go/symphony/internal/pooltest"
)

// What holds on one server holds on a cluster.
func TestOnACluster(t *testing.T) {
	pooltest.OnCluster(t,
		TestBatch,
		TestNoEnqueueIsForgotten,
		TestStateHandlerMerge,
		TestTenantsAreApart,
		TestDeleteAllByPK,
		TestSharedState,
	)
}
