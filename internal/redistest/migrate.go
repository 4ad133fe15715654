package redistest

import (
	"strconv"
	"strings"
	"testing"
)

// SlotMigration is the migration of a slot from one primary of a cluster to
// another.
type SlotMigration struct {
	slot      string
	from, to  admin
	primaries []admin
	target    *Instance
}

// MigrateSlot begins the migration of a slot to the primary with the index to.
// No key moves until [SlotMigration.MoveKeys] is called.
func (c *ClusterInstance) MigrateSlot(tb testing.TB, slot uint16, to int) *SlotMigration {
	tb.Helper()
	m := &SlotMigration{slot: strconv.Itoa(int(slot)), target: c.Primaries[to]}
	for _, node := range c.Primaries {
		m.primaries = append(m.primaries, node.admin(tb))
	}
	from := m.owner(slot)
	if from == to {
		tb.Fatalf("redistest: slot %d is already on primary %d", slot, to)
	}
	m.from, m.to = m.primaries[from], m.primaries[to]
	m.to.do("CLUSTER", "SETSLOT", m.slot, "IMPORTING", m.from.do("CLUSTER", "MYID"))
	m.from.do("CLUSTER", "SETSLOT", m.slot, "MIGRATING", m.to.do("CLUSTER", "MYID"))
	return m
}

// MoveKeys moves at most n keys, and returns how many it moved.
func (m *SlotMigration) MoveKeys(n int) int {
	m.from.tb.Helper()
	keys := m.from.list("CLUSTER", "GETKEYSINSLOT", m.slot, strconv.Itoa(n))
	if len(keys) == 0 {
		return 0
	}
	command := []string{"MIGRATE", "127.0.0.1", strconv.Itoa(m.target.port), "", "0", "5000", "KEYS"}
	m.from.do(append(command, keys...)...)
	return len(keys)
}

// Finish moves the remaining keys and assigns the slot to its new primary.
func (m *SlotMigration) Finish() {
	m.from.tb.Helper()
	for m.MoveKeys(100) > 0 {
		continue
	}
	id := m.to.do("CLUSTER", "MYID")
	m.to.do("CLUSTER", "SETSLOT", m.slot, "NODE", id)
	m.from.do("CLUSTER", "SETSLOT", m.slot, "NODE", id)
	for _, p := range m.primaries {
		p.do("CLUSTER", "SETSLOT", m.slot, "NODE", id)
	}
}

// owner returns the index of the primary that serves the slot.
func (m *SlotMigration) owner(slot uint16) int {
	for i, p := range m.primaries {
		if p.serves(int(slot)) {
			return i
		}
	}
	m.primaries[0].tb.Fatalf("redistest: no primary serves slot %d", slot)
	return -1
}

// serves reports whether CLUSTER NODES lists the slot for this node.
func (a admin) serves(slot int) bool {
	for line := range strings.Lines(a.do("CLUSTER", "NODES")) {
		fields := strings.Fields(line)
		if len(fields) < 9 || !strings.Contains(fields[2], "myself") {
			continue
		}
		for _, entry := range fields[8:] {
			first, last, isRange := strings.Cut(entry, "-")
			if !isRange {
				last = first
			}
			from, err := strconv.Atoi(first)
			to, errTo := strconv.Atoi(last)
			if err == nil && errTo == nil && from <= slot && slot <= to {
				return true
			}
		}
	}
	return false
}
