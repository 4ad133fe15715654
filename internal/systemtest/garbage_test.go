package systemtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
)

// corruption is one way to spoil a key.
type corruption struct {
	name     string
	commands [][]string // without the key, which follows the name of the command
}

// garbageTexts are texts that no key of the library contains.
var garbageTexts = []string{
	"", "garbage", "\x00\xff\xfe \r\n", "-1", "nan", "-inf", "1e999", "9007199254740993", "18446744073709551616", strings.Repeat("9", 400),
	"1-2-3", "%", "a:b|c;d=e,f~g@h+i", "null", "0000000001 ", "=|", "+|x", "~9:x", "@every", "@999999:cron",
	strings.Repeat("[", 20_000), strings.Repeat(`{"a":`, 20_000), strings.Repeat("\x91", 20_000), "\xdd\xff\xff\xff\xff", "\xc6\xff\xff\xff\xff",
	strings.Repeat("x", 1<<20),
}

// mutations return invalid texts that begin as a valid one does.
var mutations = map[string]func(string) string{
	"half":       func(s string) string { return s[:len(s)/2] },
	"twice":      func(s string) string { return s + s },
	"huge":       func(s string) string { return replaceDigits(s, strings.Repeat("9", 30)) },
	"beyond 53":  func(s string) string { return replaceDigits(s, "9007199254740993") },
	"negative":   func(s string) string { return replaceDigits(s, "-1") },
	"not number": func(s string) string { return replaceDigits(s, "nan") },
	"zero":       func(s string) string { return replaceDigits(s, "0") },
	"exponent":   func(s string) string { return replaceDigits(s, "1e308") },
	"binary":     func(s string) string { return s + "\x00\xff" },
	"empty":      func(string) string { return "" },
}

// replaceDigits replaces each sequence of digits.
func replaceDigits(s, by string) string {
	var b strings.Builder
	inDigits := false
	for _, c := range []byte(s) {
		isDigit := c >= '0' && c <= '9'
		if isDigit && !inDigits {
			b.WriteString(by)
		}
		if !isDigit {
			b.WriteByte(c)
		}
		inDigits = isDigit
	}
	return b.String()
}

// corruptions returns the ways to spoil a key: another type, other texts in
// each place, and texts that are nearly valid.
func corruptions(s storedKey) (all []corruption) {
	add := func(name string, commands ...[]string) { all = append(all, corruption{name, commands}) }
	const streamID = "9999999999999-1"
	for kind, command := range map[string][]string{
		"string": {"SET", "garbage"}, "list": {"RPUSH", "garbage", "1"}, "set": {"SADD", "garbage", "1"},
		"zset": {"ZADD", "1", "garbage"}, "hash": {"HSET", "garbage", "1"}, "stream": {"XADD", "*", "garbage", "1"},
	} {
		if kind != s.kind {
			add("is a "+kind, []string{"DEL"}, command)
		}
	}
	texts := slices.Clone(garbageTexts)
	mutated := map[string][]string{}
	for name, mutate := range mutations {
		for _, entry := range s.entries {
			mutated[name] = append(mutated[name], mutate(entry))
		}
	}
	switch s.kind {
	case "string":
		for i, text := range texts {
			add(fmt.Sprint("text ", i), []string{"SET", text, "KEEPTTL"})
		}
		for name, m := range mutated {
			add(name, []string{"SET", m[0], "KEEPTTL"})
		}
	case "list":
		add("garbage after", append([]string{"RPUSH"}, texts...))
		add("garbage before", append([]string{"LPUSH"}, texts...))
		for name, m := range mutated {
			add(name, []string{"DEL"}, append([]string{"RPUSH"}, m...))
		}
	case "set":
		add("garbage", append([]string{"SADD"}, texts...))
		for name, m := range mutated {
			add(name, append([]string{"SADD"}, m...))
		}
	case "zset":
		for _, score := range []string{"-inf", "-1", "0", "0.5", "1", "9007199254740993", "1e300", "inf"} {
			scored := []string{"ZADD"}
			for _, text := range texts {
				scored = append(scored, score, text)
			}
			add("garbage at "+score, scored)
			rescored := []string{"ZADD"}
			for _, member := range s.entries {
				rescored = append(rescored, score, member)
			}
			add("all at "+score, rescored)
		}
		for name, m := range mutated {
			replaced := []string{"ZADD"}
			for i, member := range m {
				replaced = append(replaced, s.scores[i], member)
			}
			add(name, []string{"DEL"}, replaced)
		}
	case "hash":
		for i, text := range texts {
			set := []string{"HSET"}
			for _, field := range s.entries {
				set = append(set, field, text)
			}
			add(fmt.Sprint("text ", i), set)
		}
		fields := []string{"HSET"}
		for _, text := range texts {
			fields = append(fields, text, "1")
		}
		add("garbage", fields)
		for name, m := range mutated {
			renamed, changed := []string{"HSET"}, []string{"HSET"}
			for i, field := range s.entries {
				renamed = append(renamed, m[i], s.scores[i])
				changed = append(changed, field, mutations[name](s.scores[i]))
			}
			add(name+" fields", []string{"DEL"}, renamed)
			add(name+" values", changed)
		}
	case "stream":
		for i, text := range texts {
			add(fmt.Sprint("text ", i), []string{"XADD", streamID, "v", text})
			add(fmt.Sprint("next ", i), []string{"XADD", "1-*", "1700000000000", text})
			add(fmt.Sprint("field ", i), []string{"XADD", streamID, text, "1"})
		}
		add("last id", []string{"XADD", "18446744073709551615-18446744073709551615", "v", "1"})
		add("first id", []string{"DEL"}, []string{"XADD", "0-1", "v", "1"})
		add("two fields", []string{"XADD", streamID, "v", "1", "end", ""})
		add("empty", []string{"XTRIM", "MAXLEN", "0"})
	}
	slices.SortFunc(all, func(a, b corruption) int { return strings.Compare(a.name, b.name) })
	return all
}

// corrupt runs the commands in a transaction, because workers may write to the
// key meanwhile.
func (w *garbageWorld) corrupt(t *testing.T, key string, c corruption) {
	t.Helper()
	cmds := []rueidis.Completed{w.redis.B().Multi().Build()}
	for _, command := range c.commands {
		cmds = append(cmds, w.redis.B().Arbitrary(command[0]).Keys(key).Args(command[1:]...).Build())
	}
	results := w.redis.DoMulti(ctx, append(cmds, w.redis.B().Exec().Build())...)
	replies, err := results[len(results)-1].ToArray()
	require.NoError(t, err, "%s: %s", key, c.name)
	for i, reply := range replies {
		require.NoError(t, reply.Error(), "%s: %s %.60q", key, c.name, c.commands[i])
	}
}

// expectedErrors are the errors that calls return for data that the library did
// not write, or for a record that is not there.
var expectedErrors = []error{
	symphony.ErrNotFound, symphony.ErrExists, symphony.ErrConflict, symphony.ErrFieldType, symphony.ErrWrongType, symphony.ErrInvalidSchedule,
	symphony.ErrOverflow, symphony.ErrOutOfRange, symphony.ErrTooLarge, symphony.ErrFull, symphony.ErrBusy, symphony.ErrLimited, symphony.ErrGone,
	symphony.ErrEnded, symphony.ErrInvalidCursor, symphony.ErrLeaseLost, symphony.ErrInvalidKey, symphony.ErrInvalidArgument, symphony.ErrUnsupported, errBroken, errNoItems,
}

// untyped returns the errors in err that errors.Is and errors.As cannot tell
// apart, such as the error of a script.
func untyped(err error) (bad []error) {
	var joined interface{ Unwrap() []error }
	if j, ok := err.(interface{ Unwrap() []error }); ok {
		joined = j
	}
	var op *symphony.OpError
	var decode *codec.DecodeError
	var foreign *listrepo.ForeignEntriesError
	switch {
	case err == nil:
	case joined != nil && !errors.As(err, &op):
		for _, e := range joined.Unwrap() {
			bad = append(bad, untyped(e)...)
		}
	case errors.As(err, &decode), errors.As(err, &foreign), slices.ContainsFunc(expectedErrors, func(e error) bool { return errors.Is(err, e) }):
	default:
		bad = append(bad, err)
	}
	return bad
}

// garbageCalls are calls of all operations. Those of tenants come last, since
// they remove the tenant.
func garbageCalls(t *testing.T, p *pool.Pools) (all []permittedCall) {
	t.Helper()
	rows := []string{"indexes", "User", "StateHandler", "Table", "SharedState", "Generic", "Limiter", "Batch", "Trigger", "Feed"}
	for row := range callsByRow {
		if !slices.Contains(append(rows, "pool.Open", "WorkBatches", "Listener", "cached reads", "tenants", "Topic"), row) {
			t.Fatalf("add the calls of %q", row)
		}
	}
	walks := append(walkCalls(t, p), deadTriggerCalls(t, p)...)
	all = append(all, walks...)
	for _, row := range rows {
		for _, c := range callsByRow[row](t, p) {
			all = append(all, permittedCall{row + " " + c.name, c.call})
		}
	}
	all = append(all, permittedCall{"Tenants and Erase", func(ctx context.Context) error {
		return errors.Join(allErrors(symphony.Tenants(ctx, p)), errorOf(symphony.Erase(ctx, p, "acme")))
	}})
	return all
}

func allErrors[T any](items func(func(T, error) bool)) (err error) {
	n := 0
	for _, e := range items {
		if n++; n > 100_000 {
			return errors.New("the iteration has no end")
		}
		err = errors.Join(err, e)
	}
	return err
}

func walkCalls(t *testing.T, p *pool.Pools) []permittedCall {
	t.Helper()
	b, err := symphony.NewBatch[string](p, "acme")
	require.NoError(t, err)
	rest := symphony.Queue{Service: "chat", Entity: "user", Action: "inbox"}
	users, err := symphony.NewUser[indexedRecord](p, "acme")
	require.NoError(t, err)
	age := hashrepo.NumberOf(func(v *indexedRecord) *int64 { return &v.Age })
	values, err := symphony.NewGeneric[string](p, "acme")
	require.NoError(t, err)
	return []permittedCall{
		{"Report", func(ctx context.Context) error { return errorOf(p.Report(ctx)) }},
		{"Tenants", func(ctx context.Context) error { return allErrors(symphony.Tenants(ctx, p)) }},
		{"Keys", func(ctx context.Context) error { return allErrors(symphony.Keys(ctx, p)) }},
		{"ScanQueues", func(ctx context.Context) error { return allErrors(b.ScanQueues(ctx)) }},
		{"Queues", func(ctx context.Context) error { return errorOf(b.Queues(ctx, "chat")) }},
		{"Export", func(ctx context.Context) error { return symphony.Export(ctx, p, "acme", io.Discard) }},
		{"Erase dry", func(ctx context.Context) error { return errorOf(symphony.Erase(ctx, p, "acme", symphony.DryRun())) }},
		{"Backlog", func(ctx context.Context) error {
			return errors.Join(errorOf(b.Backlog(ctx, chatQueue)), errorOf(b.Backlog(ctx, rest)))
		}},
		{"Claimed", func(ctx context.Context) error { return allErrors(b.Claimed(ctx, chatQueue)) }},
		{"Delayed", func(ctx context.Context) error { return allErrors(b.Delayed(ctx, chatQueue)) }},
		{"Dead", func(ctx context.Context) error { return allErrors(b.Dead(ctx, chatQueue)) }},
		{"Find", func(ctx context.Context) error { return allErrors(users.Find(ctx, age.AtLeast(0))) }},
		{"All", func(ctx context.Context) error { return allErrors(users.All(ctx)) }},
		{"Count", func(ctx context.Context) error { return errorOf(users.Count(ctx, age.AtLeast(0))) }},
		{"Page", func(ctx context.Context) error {
			return errorOf(users.Page(ctx, hashrepo.Query[indexedRecord]{Order: age.Desc(), Limit: 9}))
		}},
		{"Sweep", func(ctx context.Context) error { return errorOf(users.Sweep(ctx)) }},
		{"Reindex", func(ctx context.Context) error { return allErrors(users.Reindex(ctx)) }},
		{"Claim serial", func(ctx context.Context) error {
			c, err := b.Claim(ctx, rest, 1, time.Minute)
			if c == nil {
				return err
			}
			return errors.Join(err, c.Release(ctx))
		}},
		{"GetOrLoad locked", func(ctx context.Context) error {
			ctx, cancel := context.WithTimeout(ctx, 20*time.Millisecond) // the lock is valid for an hour
			defer cancel()
			err := errorOf(values.GetOrLoad(ctx, "locked", func(context.Context) (string, error) { return "v", nil }))
			if errors.Is(err, context.DeadlineExceeded) {
				return nil
			}
			return err
		}},
		{"PendingTenants", func(ctx context.Context) error { return errorOf(symphony.PendingTenants(ctx, p, "chat")) }},
	}
}

func deadTriggerCalls(t *testing.T, p *pool.Pools) []permittedCall {
	t.Helper()
	tr, err := symphony.NewTrigger(p, "acme")
	require.NoError(t, err)
	letters, err := expiry.NewDeadLetters(p, pool.Expiry, p.Layout().Trigger)
	require.NoError(t, err)
	onDead := func(call func(context.Context, expiry.Event) error) func(context.Context) error {
		return func(ctx context.Context) error {
			var events []expiry.Event
			var failed error
			for e, err := range tr.Dead(ctx) {
				if failed = errors.Join(failed, err); err == nil {
					var s string
					failed = errors.Join(failed, e.Decode(&s))
					events = append(events, e)
				}
			}
			for _, e := range events {
				failed = errors.Join(failed, call(ctx, e))
			}
			return failed
		}
	}
	return []permittedCall{
		{"List", func(ctx context.Context) error { return allErrors(tr.List(ctx)) }},
		{"DeadLetters", func(ctx context.Context) error { return allErrors(letters.All(ctx)) }},
		{"Retry", onDead(tr.Retry)},
		{"Discard", onDead(tr.Discard)},
		{"Rules", func(ctx context.Context) error {
			return errors.Join(errorOf(tr.Rule(ctx, "remind", "3")), errorOf(tr.Due(ctx, "remind", "4")))
		}},
	}
}

const (
	garbageDeadline = 30 * time.Second
	garbageMemory   = 256 << 20 // of all allocations of a call
)

// Whatever is in a key, each operation returns an error with a type, or works:
// it does not panic, it ends, and it allocates no more than a bounded amount.
// After the garbage was removed, everything works again.
func TestGarbageInEachKey(t *testing.T) {
	pooltest.Long(t)
	checkGarbage(t, 16)
}

func TestSoakGarbageInEachKey(t *testing.T) {
	requireSoak(t)
	checkGarbage(t, 1)
}

func requireSoak(t *testing.T) {
	t.Helper()
	if os.Getenv("SOAK") != "1" {
		t.Skip("set SOAK=1 to run the long tests")
	}
}

// checkGarbage tries one of so many inputs of each key.
func checkGarbage(t *testing.T, share int) {
	t.Helper()
	w := newGarbageWorld(t)
	calls := garbageCalls(t, w.p)
	seen := map[string]bool{}
	inputs, sent := 0, 0
	for i, key := range w.keys {
		for j, c := range corruptions(w.stored[key]) {
			if (i+j)%share != 0 {
				continue
			}
			w.restore(t)
			w.corrupt(t, key, c)
			inputs++
			for _, call := range calls {
				sent++
				for _, e := range untyped(w.call(t, key+": "+c.name, call)) {
					if text := fmt.Sprintf("%s: %.300v", call.name, e); !seen[text] {
						seen[text] = true
						t.Errorf("%s: %s: %s has no type for errors.Is", key, c.name, text)
					}
				}
			}
		}
		w.restore(t)
		for _, call := range walkCalls(t, w.p) {
			require.NoError(t, w.call(t, "after the garbage in "+key, call), "after the garbage in %s: %s", key, call.name)
		}
	}
	t.Logf("%d inputs, %d calls", inputs, sent)
}

func (w *garbageWorld) call(t *testing.T, name string, c permittedCall) (err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, garbageDeadline)
	defer cancel()
	defer func() {
		if r := recover(); r != nil {
			t.Errorf("%s: %s: panic: %v\n%s", name, c.name, r, debug.Stack())
		}
	}()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err = c.call(ctx)
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > garbageMemory {
		t.Errorf("%s: %s allocated %d MiB", name, c.name, n>>20)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%s: %s: %v", name, c.name, err)
	}
	return err
}
