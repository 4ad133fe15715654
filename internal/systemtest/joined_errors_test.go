package systemtest

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/kvrepo"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
)

// If many records of one call fail, the text of the error has ten of them, and
// the error wraps all of them.
func TestErrorsOfManyRecords(t *testing.T) {
	type text struct {
		A string `redis:"a"`
		B string `redis:"b,index"`
	}
	type number struct {
		A int    `redis:"a"`
		B string `redis:"b,index"`
	}
	const failing = 500
	pooltest.EachByTenant(t, func(t *testing.T, p *pool.Pools) {
		var texts []hashrepo.Record[text]
		var values []kvrepo.Record[string]
		var items, ids []string
		for i := range failing {
			id := strconv.Itoa(i)
			texts = append(texts, hashrepo.Record[text]{ID: id, Value: text{A: "x", B: id}})
			values = append(values, kvrepo.Record[string]{ID: id, Value: "x"})
			items, ids = append(items, "x"), append(ids, id)
		}
		users := must(symphony.NewUser[text](p, "acme"))
		require.NoError(t, users.UpsertMany(ctx, texts...))
		generic := must(symphony.NewGeneric[string](p, "acme"))
		require.NoError(t, generic.SetMany(ctx, values...))
		batch := must(symphony.NewBatch[string](p, "acme"))

		numbers := must(symphony.NewUser[number](p, "acme"))
		numberValues := must(symphony.NewGeneric[int](p, "acme"))
		numberBatch := must(symphony.NewBatch[int](p, "acme"))
		cached := symphony.Cached(time.Minute)
		byB := hashrepo.FieldOf(func(n *number) *string { return &n.B })
		var decode *codec.DecodeError
		for name, call := range map[string]func() error{
			"UpsertMany":     func() error { return users.With(symphony.IfAbsent()).UpsertMany(ctx, texts...) },
			"SetMany":        func() error { return generic.With(symphony.IfAbsent()).SetMany(ctx, values...) },
			"GetMany":        func() error { return errorOf(numbers.GetMany(ctx, ids...)) },
			"GetMany cached": func() error { return errorOf(numbers.With(cached).GetMany(ctx, ids...)) },
			"Page": func() error {
				return errorOf(numbers.Page(ctx, hashrepo.Query[number]{Order: byB.Asc(), Limit: failing}))
			},
			"GetMany of values":        func() error { return errorOf(numberValues.GetMany(ctx, ids...)) },
			"GetMany of cached values": func() error { return errorOf(numberValues.With(cached).GetMany(ctx, ids...)) },
			"Chunk":                    func() error { return errorOf(numberBatch.Chunk(ctx, queue, 0, -1)) },
			"Claim":                    func() error { return errorOf(numberBatch.Claim(ctx, queue, failing, time.Minute)) },
			"Process": func() error {
				return errorOf(numberBatch.Process(ctx, queue, failing, func(context.Context, []listrepo.Item[int]) error { return nil }))
			},
		} {
			require.NoError(t, batch.Trim(ctx, queue, 1, 0))
			require.NoError(t, errorOf(batch.Enqueue(ctx, queue, items...)))
			err := call()
			lines := strings.Split(err.Error(), "\n")
			require.Len(t, lines, 11, name)
			require.Equal(t, "... and 490 more", lines[10], name)
			var joined interface{ Unwrap() []error }
			require.ErrorAs(t, err, &joined, name)
			require.Len(t, joined.Unwrap(), failing, name)
			for _, single := range joined.Unwrap() {
				require.True(t, errors.Is(single, symphony.ErrExists) || errors.As(single, &decode), "%s: %v", name, single)
			}
		}
	})
}

// must returns v, and panics if there is an error.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
