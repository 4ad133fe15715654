package contest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/symphony-go/symphony/bench/results"
	"github.com/symphony-go/symphony/bench/wire"
)

// Listen runs a contestant's operation a few times with one caller, and returns
// the traffic of the connections that counter wraps. It does not count the
// first runs, which make connections, load scripts and fill caches.
func (c Contest) Listen(ctx context.Context, p Contestant, counter *wire.Counter) (results.Wire, error) {
	times := max(4, c.Least)
	var traffic wire.Traffic
	for _, n := range []int{max(times, c.Warm), times} {
		if err := p.Try(ctx, 1, n); err != nil {
			return results.Wire{}, named(c, p, err)
		}
		var err error
		if traffic, err = counter.Take(); err != nil {
			return results.Wire{}, named(c, p, err)
		}
	}
	n := float64(times)
	return results.Wire{
		Trips: float64(traffic.Trips) / n, Sent: float64(traffic.Sent) / n, Received: float64(traffic.Received) / n,
		Commands: Summary(traffic.Commands, times),
	}, nil
}

// Summary returns the commands of one operation, given those of n operations.
// They are in the order of their first use, with their number if it is not 1.
func Summary(commands []string, n int) string {
	var order []string
	count := map[string]int{}
	for _, name := range commands {
		if count[name]++; !slices.Contains(order, name) {
			order = append(order, name)
		}
	}
	words := make([]string, len(order))
	for i, name := range order {
		per := float64(count[name]) / float64(n)
		switch {
		case count[name] == n:
			words[i] = name
		case count[name]%n == 0:
			words[i] = fmt.Sprintf("%d %s", count[name]/n, name)
		default:
			words[i] = fmt.Sprintf("%.2g %s", per, name)
		}
	}
	if len(words) == 0 {
		return "none"
	}
	return strings.Join(words, ", ")
}
