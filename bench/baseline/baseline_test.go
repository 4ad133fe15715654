//go:build !race

// Package baseline holds what the main operations of the library cost in
// allocations and round trips against baseline.txt. Unlike times these are the
// same on every machine, so a rise is somebody's doing.
package baseline

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/bench/contest"
	"github.com/symphony-go/symphony/bench/wire"
)

// file has a line for each operation: its name, allocations, round trips, the
// commands it sends, and the reason for the figures as they are.
const file = "baseline.txt"

const header = `# What an operation of one caller costs: allocations, round trips, commands, and why it is so.
# make check fails where the allocations or the round trips are more, or the commands are others.
# make baseline REASON="..." measures anew, and gives the reason to each line that changes.
`

// cost is what one operation takes.
type cost struct {
	allocations float64 // a whole number in a line
	trips       int
	commands    string
	reason      string
}

func (c cost) line(name string) string {
	return fmt.Sprintf("%-36s | %5.0f | %2d | %s | %s\n", name, c.allocations, c.trips, c.commands, c.reason)
}

// complaint says in what c is dearer than the line that was committed. Of many
// allocations one in a hundred may be the pools' of the client. A call may
// allocate on average half a time more than the rounded number.
func (c cost) complaint(committed cost) string {
	switch {
	case c.trips > committed.trips:
		return fmt.Sprintf("takes %d round trips, and not %d", c.trips, committed.trips)
	case c.commands != committed.commands:
		return fmt.Sprintf("sends %q, and not %q", c.commands, committed.commands)
	case c.allocations > committed.allocations+max(0.75, committed.allocations/100):
		return fmt.Sprintf("allocates %.2f times, and not %.0f", c.allocations, committed.allocations)
	}
	return ""
}

// No operation costs more than baseline.txt says.
func TestCosts(t *testing.T) {
	committed := read(t)
	measured := measure(t)
	if os.Getenv("BASELINE_UPDATE") != "" {
		write(t, committed, measured)
		return
	}
	for _, name := range slices.Sorted(maps.Keys(measured)) {
		want, known := committed[name]
		if !known {
			t.Errorf("%s is not in %s: run make baseline REASON=\"...\"", name, file)
			continue
		}
		if wrong := measured[name].complaint(want); wrong != "" {
			t.Errorf("%s %s. If it must: make baseline REASON=\"why\"", name, wrong)
		}
		if fewer := want.allocations - measured[name].allocations; fewer > max(0.75, want.allocations/100) {
			t.Logf("%s allocates %.2f times fewer; make baseline keeps it so", name, fewer)
		}
	}
	for name := range committed {
		require.Contains(t, measured, name, "%s has a line for what is not measured", file)
	}
}

// measure costs every operation: the fewest allocations of several tries, since
// what runs beside adds some, and what most of the calls send.
func measure(t *testing.T) map[string]cost {
	t.Helper()
	all := map[string]cost{}
	counter := &wire.Counter{}
	for _, op := range newBed(t, counter).operations() {
		c := cost{}
		c.trips, c.commands = listen(t, counter, op)
		all[op.name] = c
	}
	for _, op := range newBed(t, nil).operations() {
		c := all[op.name]
		c.allocations = allocations(t, op)
		all[op.name] = c
	}
	return all
}

// allocations are the fewest of several tries. No garbage is collected
// meanwhile: that empties pools, which then allocate.
func allocations(t *testing.T, op operation) float64 {
	t.Helper()
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	runs := max(10, 500/op.weight)
	least := math.Inf(1)
	for range 7 {
		op.do(t)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range runs {
			op.do(t)
		}
		runtime.ReadMemStats(&after)
		least = min(least, float64(after.Mallocs-before.Mallocs)/float64(runs))
	}
	return least
}

func (op operation) do(t *testing.T) {
	t.Helper()
	if err := op.call(context.Background()); err != nil {
		t.Fatalf("%s: %v", op.name, err)
	}
}

// listen does an operation some times and gives what most of them sent.
func listen(t *testing.T, counter *wire.Counter, op operation) (trips int, commands string) {
	t.Helper()
	type sent struct {
		trips    int
		commands string
	}
	op.do(t) // scripts are loaded by it
	_, err := counter.Take()
	require.NoError(t, err)
	seen := map[sent]int{}
	for range 15 {
		op.do(t)
		traffic, err := counter.Take()
		require.NoError(t, err)
		seen[sent{traffic.Trips, contest.Summary(traffic.Commands, 1)}]++
	}
	most := slices.MaxFunc(slices.Collect(maps.Keys(seen)), func(a, b sent) int { return cmp.Compare(seen[a], seen[b]) })
	return most.trips, most.commands
}

func read(t *testing.T) map[string]cost {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	all := map[string]cost{}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		cells := strings.Split(line, "|")
		require.Len(t, cells, 5, line)
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		require.NotContains(t, all, cells[0], "two lines")
		require.NotEmpty(t, cells[4], "%s has no reason", cells[0])
		var c cost
		c.allocations, err = strconv.ParseFloat(cells[1], 64)
		require.NoError(t, err, line)
		c.trips, err = strconv.Atoi(cells[2])
		require.NoError(t, err, line)
		c.commands, c.reason = cells[3], cells[4]
		all[cells[0]] = c
	}
	return all
}

// write commits new figures. A line that changes gets the reason.
func write(t *testing.T, committed, measured map[string]cost) {
	t.Helper()
	reason := strings.TrimSpace(os.Getenv("REASON"))
	text := header
	for _, name := range slices.Sorted(maps.Keys(measured)) {
		now, before := measured[name], committed[name]
		now.reason = before.reason
		if before.reason == "" || now.complaint(before) != "" || before.complaint(now) != "" {
			require.NotEmpty(t, reason, "%s has changed: make baseline REASON=\"why\"", name)
			require.NotContains(t, reason, "|")
			now.reason = reason
		} else {
			now = before
		}
		text += now.line(name)
	}
	require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
}

func TestComplaints(t *testing.T) {
	base := cost{allocations: 10, trips: 1, commands: "HMGET"}
	many := cost{allocations: 1000, trips: 1, commands: "HMGET"}
	for _, test := range []struct {
		now, committed cost
		says           string
	}{
		{base, base, ""},
		{cost{allocations: 11, trips: 1, commands: "HMGET"}, base, "allocates 11.00 times, and not 10"},
		{cost{allocations: 10.7, trips: 1, commands: "HMGET"}, base, ""},
		{cost{allocations: 9, trips: 1, commands: "HMGET"}, base, ""},
		{cost{allocations: 10, trips: 2, commands: "HMGET"}, base, "2 round trips"},
		{cost{allocations: 10, trips: 1, commands: "HGETALL"}, base, "HGETALL"},
		{cost{allocations: 1010, trips: 1, commands: "HMGET"}, many, ""},
		{cost{allocations: 1011, trips: 1, commands: "HMGET"}, many, "allocates 1011.00"},
	} {
		if test.says == "" {
			require.Empty(t, test.now.complaint(test.committed))
		} else {
			require.Contains(t, test.now.complaint(test.committed), test.says)
		}
	}
}
