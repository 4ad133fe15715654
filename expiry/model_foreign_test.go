package expiry

import (
	"context"
	"maps"
	"slices"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Changes to the model's keys that the library does not make: time passes, and
// other services write.

// time advances the clock and removes expired keys, as the server would.
func (m *model) time(t *rapid.T) {
	m.clock += rapid.OneOf(rapid.Int64Range(0, 5000), rapid.Int64Range(0, 5_000_000), rapid.Int64Range(0, 3*graceMS*1000)).Draw(t, "microseconds")
	m.setClock(t)
	for k, held := range m.keys {
		if held.expires > 0 && held.expires <= m.now() {
			delete(m.keys, k)
			require.NoError(t, m.client.Do(context.Background(), m.client.B().Del().Key(k).Build()).Error())
		}
	}
}

func (m *model) foreignDelete(t *rapid.T) {
	_, k := m.id(t)
	require.NoError(t, m.client.Do(context.Background(), m.client.B().Del().Key(k).Build()).Error())
	delete(m.keys, k)
}

func (m *model) foreignSet(t *rapid.T) {
	_, k := m.id(t)
	at := m.now() + drawDelay(t, "delay")
	set := m.client.B().Set().Key(k).Value("trigger:2026-11-23T12:00:00").PxatMillisecondsTimestamp(at).Build()
	require.NoError(t, m.client.Do(context.Background(), set).Error())
	m.keys[k] = &modelKey{expires: at}
}

func (m *model) foreignExpire(t *rapid.T) {
	_, k := m.id(t)
	at := m.now() + drawDelay(t, "delay")
	cmd := m.client.B().Pexpireat().Key(k).MillisecondsTimestamp(at).Build()
	if rapid.Bool().Draw(t, "persist") {
		at, cmd = -1, m.client.B().Persist().Key(k).Build()
	}
	require.NoError(t, m.client.Do(context.Background(), cmd).Error())
	if held := m.keys[k]; held != nil {
		held.expires = at
	}
}

// sweep adopts every key that may exist.
func (m *model) sweep(t *rapid.T) {
	var all []string
	for _, id := range modelIDs {
		k, err := m.schedule.names.key(triggerKey{"acme", "", m.queue.action, id})
		require.NoError(t, err)
		all = append(all, k)
	}
	_, err := m.queue.adopt(context.Background(), keyMayExist, all)
	require.NoError(t, err)
	for _, k := range all {
		if held := m.keys[k]; held != nil && held.expires > 0 {
			m.adopt(k, held)
		}
	}
}

// repair compares the keys of the schedule. Entries that agree do not change.
func (m *model) repair(t *rapid.T) {
	repaired, strange := m.repairAll(t)
	require.Zero(t, repaired)
	require.Zero(t, strange)
}

func (m *model) repairAll(t *rapid.T) (repaired, strange int64) {
	for _, of := range repairPasses {
		for cursor := uint64(0); ; {
			p, err := m.queue.repair(context.Background(), of.kind, cursor, of.count, milliseconds(leaseMS), clockStep{})
			require.NoError(t, err)
			repaired, strange = repaired+p.repaired, strange+p.invalid.count
			if cursor = p.next; cursor == 0 {
				break
			}
		}
	}
	for k, due := range m.due {
		if m.keys[k] == nil && m.now() < due+graceMS {
			m.forget(k)
		}
	}
	return repaired, strange
}

// loseEntries removes entries of some firings and triggers, as an eviction or
// an operator may. A sweep restores them.
func (m *model) loseEntries(t *rapid.T) {
	var want int64
	lost := map[string]bool{}
	for _, member := range slices.Sorted(maps.Keys(m.firings)) {
		if !rapid.Bool().Draw(t, "lost") {
			continue
		}
		want++
		lost[member] = true
		a := m.firings[member]
		set := m.queue.active
		switch a.state {
		case "0":
			a.at = m.now() + leaseMS
		case "1":
			a.at = m.now()
		default:
			a.at, set = m.now(), m.queue.dead
		}
		require.NoError(t, m.client.Do(context.Background(), m.client.B().Zrem().Key(set).Member(member).Build()).Error())
	}
	for _, k := range slices.Sorted(maps.Keys(m.turn)) {
		if !rapid.Bool().Draw(t, "turn") {
			continue
		}
		if !lost[m.turn[k]] { // one repair restores both
			want++
		}
		require.NoError(t, m.client.Do(context.Background(), m.client.B().Hdel().Key(m.queue.status).Field("=|"+k).Build()).Error())
	}
	repaired, strange := m.repairAll(t)
	require.Equal(t, want, repaired)
	require.Zero(t, strange)
	for _, k := range slices.Sorted(maps.Keys(m.due)) {
		if held := m.keys[k]; held != nil && held.exp != 0 && held.exp == held.expires && rapid.Bool().Draw(t, "due") {
			require.NoError(t, m.client.Do(context.Background(), m.client.B().Zrem().Key(m.queue.due).Member(k).Build()).Error())
			delete(m.due, k)
		}
	}
	m.sweep(t)
}

func (m *model) adopt(k string, held *modelKey) {
	due, scheduled := m.due[k]
	switch {
	case scheduled && due+graceMS == held.expires:
		return
	case held.exp != 0 && held.exp == held.expires:
		m.due[k] = held.due
		return
	}
	m.write(k, held.expires, m.now(), held.first)
	delete(m.seen, k)
}

// expired handles the event of an expired key.
func (m *model) expired(t *rapid.T) {
	_, k := m.id(t)
	_, err := m.queue.adopt(context.Background(), keyExpired, []string{k})
	require.NoError(t, err)
	now := m.now()
	due, scheduled := m.due[k]
	switch {
	case m.keys[k] != nil, scheduled && now >= due+graceMS:
		return
	case !scheduled:
		if at, ok := m.seen[k]; ok && at > now-10000 {
			t.Skip("fired a moment ago")
		}
		m.seen[k] = now
	}
	m.write(k, now, now, 0)
}
