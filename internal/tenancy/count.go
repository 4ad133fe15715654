package tenancy

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/queuekey"
	"github.com/symphony-go/symphony/internal/store"
)

// holdsItems reports whether a key beside a queue, or the queue itself, holds
// items or dead letters.
func holdsItems(beside string) bool {
	return slices.Contains([]string{"", queuekey.Again, queuekey.Delayed, queuekey.Dead}, beside) ||
		strings.HasPrefix(beside, queuekey.Claim) || strings.HasPrefix(beside, queuekey.Rest)
}

// measure is a command whose reply is a number of things.
type measure struct {
	kind string
	cmd  rueidis.Completed
	of   func(n int64) int64 // what the reply counts for; nil: itself
	at   int                 // the index of the key
}

// count counts keys and what they hold.
func (v *visitor) count(ctx context.Context, keys []found) error {
	var measures []measure
	for i, k := range keys {
		v.Count(k.tenant, countedAs(k.owner), 1)
		if m, ok := v.measureOf(k); ok {
			m.at = i
			measures = append(measures, m)
		}
	}
	cmds := make(rueidis.Commands, len(measures))
	for i, m := range measures {
		cmds[i] = m.cmd
	}
	for i, reply := range v.store.Client.DoMulti(ctx, cmds...) {
		k, m := keys[measures[i].at], measures[i]
		t := fault.Target{Op: v.Op, Pool: k.alias, Key: k.key}
		n, err := readNumber(t, reply)
		if errors.Is(err, fault.ErrWrongType) {
			continue // the key holds none of these things
		}
		if err != nil {
			return err
		}
		if m.of != nil {
			n = m.of(n)
		}
		if n != 0 {
			v.Count(k.tenant, m.kind, n)
		}
	}
	return nil
}

func readNumber(t fault.Target, r rueidis.RedisResult) (int64, error) {
	m, err := r.ToMessage()
	if err != nil {
		return 0, t.Failed(err)
	}
	if err := store.Shape(store.Number).Check(t, m); err != nil {
		return 0, err
	}
	return m.ToInt64()
}

// countedAs returns the kind as which a key counts.
func countedAs(o owner) string {
	switch o.beside {
	case "":
		return o.kind
	case Index:
		return Index
	}
	return Beside
}

// measureOf returns the measure of what a key holds, if it holds anything that
// counts.
func (v *visitor) measureOf(k found) (measure, bool) {
	b := v.store.Client.B
	switch {
	case k.kind == Queue && k.beside == "":
		return measure{kind: Waiting, cmd: b().Llen().Key(k.key).Build()}, true
	case k.kind != Queue && k.beside == "" && v.Permanent:
		return measure{kind: Permanent, cmd: b().Pttl().Key(k.key).Build(), of: func(ms int64) int64 {
			if ms == -1 {
				return 1
			}
			return 0
		}}, true
	case k.kind != Queue:
		return measure{}, false
	case k.beside == queuekey.Again || k.beside == queuekey.Delayed:
		return measure{kind: Waiting, cmd: b().Zcard().Key(k.key).Build()}, true
	case k.beside == queuekey.Dead:
		return measure{kind: Dead, cmd: b().Hlen().Key(k.key).Build()}, true
	case strings.HasPrefix(k.beside, queuekey.Rest):
		return measure{kind: Waiting, cmd: b().Llen().Key(k.key).Build()}, true
	case strings.HasPrefix(k.beside, queuekey.Claim):
		return measure{kind: InFlight, cmd: b().Llen().Key(k.key).Build()}, true
	case strings.HasPrefix(k.beside, queuekey.Done):
		return measure{kind: InFlight, cmd: b().Scard().Key(k.key).Build(), of: func(n int64) int64 { return -n }}, true
	}
	return measure{}, false
}
