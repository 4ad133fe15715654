package store

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/keyspace"
)

// The error is complete even if all nodes answered, and wraps their error if
// one did not.
func TestNoPrimaryError(t *testing.T) {
	require.EqualError(t, noPrimaryError(2, nil), "no primary serves 2 slots of the cluster; wait for the failover, or repair the cluster")
	down := errors.New("down")
	require.ErrorIs(t, noPrimaryError(2, down), down)
}

func TestSlotsOfAnEntry(t *testing.T) {
	var p primarySlots
	for _, entry := range []string{"0-2", "93", "[93->-aa]", "[77-<-bb]"} {
		require.NoError(t, p.add(entry))
	}
	for slot := range keyspace.Slots {
		require.Equal(t, slot <= 2 || slot == 93, p.served[slot], slot)
		require.Equal(t, slot == 93, p.migrating[slot], slot)
		require.Equal(t, slot == 77, p.importing[slot], slot)
	}
	for _, entry := range []string{"", "a", "1-", "16384", "0-16384", "-1"} {
		require.Error(t, p.add(entry), entry)
	}
}

// A slot that migrates from one primary to another is covered once the new one
// was scanned after the old one.
func TestCoverageOfAMigratingSlot(t *testing.T) {
	const slot = 7
	var source, target primarySlots
	require.NoError(t, source.add("0-16383"))
	require.NoError(t, source.add("[7->-target]"))
	require.NoError(t, target.add("[7-<-source]"))

	c := newCoverage()
	require.False(t, c.includes(&target, slot), "the new primary yields nothing before the old one was scanned")
	require.True(t, c.includes(&source, slot))
	c.markScanned(&source, &source)
	require.Equal(t, 1, c.remaining, "the keys that moved are not covered")
	require.True(t, c.includes(&target, slot))
	c.markScanned(&target, &target)
	require.Zero(t, c.remaining)
}

// A slot that a primary migrates to nobody, because the migration was
// abandoned, is covered by a scan of that primary.
func TestCoverageOfAnAbandonedMigration(t *testing.T) {
	var source primarySlots
	require.NoError(t, source.add("0-16383"))
	require.NoError(t, source.add("[7->-gone]"))
	markAbandoned([]*primarySlots{&source})
	c := newCoverage()
	c.markScanned(&source, &source)
	require.Zero(t, c.remaining)
}
