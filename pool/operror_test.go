package pool_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/pool"
)

// An OpError that joins the errors of steps has its prefix once, in front.
func TestOpErrorOfSteps(t *testing.T) {
	first := &pool.OpError{Op: "UpsertMany", Key: "a:1", Err: pool.ErrWrongType}
	second := &pool.OpError{Op: "UpsertMany", Key: "a:2", Err: pool.ErrConflict}
	err := &pool.OpError{Op: "UpsertMany", Pool: pool.User, Err: errors.Join(first, second)}
	require.EqualError(t, err, "symphony: UpsertMany (pool user): UpsertMany \"a:1\": key holds another Redis type\n"+
		"UpsertMany \"a:2\": record was changed by another writer")
	require.ErrorIs(t, err, pool.ErrConflict)
}
