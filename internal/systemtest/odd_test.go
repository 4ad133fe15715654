package systemtest

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/pool"
)

// odd are replies in RESP. A command may have one of them, none has them all.
var odd = map[string]string{
	"[]":         "*0\r\n",
	"[nil]":      "*1\r\n_\r\n",
	"[[]]":       "*1\r\n*0\r\n",
	"[a]":        "*1\r\n$1\r\na\r\n",
	"[a b]":      "*2\r\n$1\r\na\r\n$1\r\nb\r\n",
	"[1 [] 2]":   "*3\r\n:1\r\n*0\r\n:2\r\n",
	"[error]":    "*1\r\n-ERR nested\r\n",
	"[[error]]":  "*1\r\n*1\r\n-ERR nested\r\n",
	"{}":         "%0\r\n",
	"{a: []}":    "%1\r\n$1\r\na\r\n*0\r\n",
	"~[]":        "~0\r\n",
	"odd":        "+odd\r\n",
	"text":       "$3\r\nodd\r\n",
	"empty":      "$0\r\n\r\n",
	"-7":         ":-7\r\n",
	"2^63-1":     ":9223372036854775807\r\n",
	"1.5":        ",1.5\r\n",
	"true":       "#t\r\n",
	"nil":        "_\r\n",
	"old nil":    "*-1\r\n",
	"error":      "-ERR odd\r\n",
	"bulk error": "!7\r\nERR odd\r\n",
	"big number": "(12345678901234567890\r\n",
	"verbatim":   "=7\r\ntxt:odd\r\n",
	"with attrs": "|1\r\n+a\r\n:1\r\n*0\r\n",
}

// shaped are calls whose replies have one shape: what they get of odd is an
// error, but for the replies that may be theirs.
var shaped = map[string][]string{
	"User.Upsert":         {"-7", "2^63-1", "[1 [] 2]"},
	"User.Upsert NoTTL":   {"-7", "2^63-1", "[1 [] 2]"},
	"User.IncrementField": nil,
	"User.Get":            nil,
	"User.GetMany":        {"nil", "old nil"},
	"User.Exists":         {"-7", "2^63-1"},
	"Generic.Set":         {"nil", "old nil", "odd", "text", "empty", "verbatim", "big number", "1.5"},
	"Generic.Swap":        {"nil", "old nil", "odd", "text", "empty", "verbatim", "big number", "1.5"},
	"Generic.Get":         {"odd", "text", "empty", "verbatim", "big number", "1.5", "true"},
	"Batch.Len":           {"-7", "2^63-1"},
}

// writes are those of them that change something.
var writes = []string{"User.Upsert", "User.Upsert NoTTL", "User.IncrementField", "Generic.Set", "Generic.Swap"}

// Whatever a server answers, no call panics, and a reply of another shape than
// the command has is an error that says so.
func TestNoReplyIsTakenForAnother(t *testing.T) {
	s := redistest.NewFakeServer(t)
	p, err := pool.Open(t.Context(), pool.Config{URL: s.URL(), Logger: slog.New(slog.DiscardHandler), Timeout: 10 * time.Second})
	require.NoError(t, err)
	defer p.Close()
	for _, name := range []string{"User", "Generic", "Batch", "Trigger", "cached reads"} {
		for what, reply := range odd {
			for _, each := range []bool{false, true} {
				s.SetReply(reply, each)
				for _, call := range workers[name](t, p) {
					err := survive(t, call)
					full := name + "." + call.name
					may, known := shaped[full]
					if !known || slices.Contains(may, what) {
						continue
					}
					require.Error(t, err, "%s takes %s, each %v", full, what, each)
					var op *symphony.OpError
					if errors.Is(err, symphony.ErrUnexpectedReply) && slices.Contains(writes, full) && errors.As(err, &op) {
						require.True(t, op.MaybeApplied(), "%s %s: %v", full, what, err)
					}
				}
			}
		}
	}
}

// survive makes a call, and no more of it than a moment: some go on until their
// context ends.
func survive(t *testing.T, call step) error {
	t.Helper()
	defer func() {
		if r := recover(); r != nil {
			t.Errorf("%s panics: %v\n%s", call.name, r, debug.Stack())
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	return call.call(ctx)
}
