package store

import (
	"github.com/symphony-go/symphony/keyspace"
)

// coverage records which slots a scan of a cluster has covered. While a slot
// migrates, its keys move in one direction. A key that the scan did not find on
// the old primary is on the new one, if the scan visits that one afterwards.
type coverage struct {
	pending          slotSet
	remaining        int     // the number of pending slots
	scannedMigrating slotSet // scanned on a primary from which they were migrating
}

func newCoverage() *coverage {
	c := &coverage{remaining: keyspace.Slots}
	for i := range c.pending {
		c.pending[i] = true
	}
	return c
}

// includes reports whether the scan of a primary yields the keys of slot.
func (c *coverage) includes(p *primarySlots, slot uint16) bool {
	return c.pending[slot] && (p.served[slot] || c.scannedMigrating[slot])
}

// markScanned updates the coverage after the scan of a primary. before and
// after are the slots of the primary before and after the scan.
func (c *coverage) markScanned(before, after *primarySlots) {
	for i := range c.pending {
		switch {
		case !c.pending[i]:
		case c.scannedMigrating[i] && (after.served[i] && !after.migrating[i] || after.importing[i]),
			before.served[i] && after.served[i] && (before.abandoned[i] || !before.migrating[i] && !after.migrating[i]):
			c.pending[i] = false
			c.remaining--
		case before.served[i]:
			c.scannedMigrating[i] = true
		}
	}
}
