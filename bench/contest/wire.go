package contest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/symphony-go/symphony/bench/results"
	"github.com/symphony-go/symphony/bench/wire"
)

// Listen makes one caller do a contestant's operation a few times, and tells
// what passes over the connections that counter is in. The first times are not
// counted: connections are made in them, scripts loaded, and caches filled.
func (c Contest) Listen(ctx context.Context, p Contestant, counter *wire.Counter) (results.Wire, error) {
	times := max(4, c.Least)
	var traffic wire.Traffic
	for _, n := range []int{max(times, c.Warm), times} {
		if _, err := p.Turn(ctx, 1, n); err != nil {
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

// Summary tells the commands of n operations for one of them: in the order in
// which they come first, with how often each is sent where that is not once.
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
