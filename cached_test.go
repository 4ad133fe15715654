package symphony_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/pool"
)

// Each repository takes the option Cached. A write through one repository is
// visible in the cached reads of another.
func TestCached(t *testing.T) {
	type Note struct {
		Text string `redis:"text"`
	}
	ctx := context.Background()
	p := pooltest.Redis(t, pool.Config{})
	opt := symphony.Cached(time.Hour)
	users, err := symphony.NewUser[Note](p, "acme", opt)
	require.NoError(t, err)
	states, err := symphony.NewStateHandler[Note](p, "acme", "chat", opt)
	require.NoError(t, err)
	rows, err := symphony.NewTable[Note](p, "acme", "notes", opt)
	require.NoError(t, err)
	values, err := symphony.NewGeneric[Note](p, "acme", opt)
	require.NoError(t, err)
	shared, err := symphony.NewSharedState(p, "acme", "u1", opt)
	require.NoError(t, err)
	typed, err := symphony.StateOf[Note](shared)
	require.NoError(t, err)
	for alias, kind := range map[pool.Alias]struct {
		write func(text string) error
		read  func() (string, error)
	}{
		pool.User: {
			func(text string) error { return users.Upsert(ctx, "u1", Note{text}) },
			func() (string, error) { v, err := users.Get(ctx, "u1"); return v.Text, err },
		},
		pool.Handlers: {
			func(text string) error {
				if err := rows.Upsert(ctx, "r1", Note{text}); err != nil {
					return err
				}
				return states.UpdateField(ctx, "u1", "text", text)
			},
			func() (string, error) {
				row, err := rows.Get(ctx, "r1")
				if err != nil {
					return "", err
				}
				state, err := states.Get(ctx, "u1")
				require.Equal(t, row, state)
				return state.Text, err
			},
		},
		pool.Default: {
			func(text string) error { return values.Set(ctx, "v1", Note{text}) },
			func() (string, error) { v, err := values.Get(ctx, "v1"); return v.Text, err },
		},
		pool.SharedState: {
			func(text string) error { return shared.UpdateField(ctx, "s1", "text", text) },
			func() (string, error) {
				fields, err := shared.Get(ctx, "s1")
				if err != nil {
					return "", err
				}
				v, err := typed.Get(ctx, "s1")
				require.Equal(t, v.Text, fields["text"].String())
				return v.Text, err
			},
		},
	} {
		t.Run(string(alias), func(t *testing.T) {
			_, err := kind.read()
			require.ErrorIs(t, err, symphony.ErrNotFound)
			for _, text := range []string{"one", "two"} {
				require.NoError(t, kind.write(text))
				for range 3 {
					got, err := kind.read()
					require.NoError(t, err)
					require.Equal(t, text, got)
				}
			}
			s := p.Stats()[alias]
			require.Positive(t, s.CacheHits)
			require.Positive(t, s.CacheEntries)
		})
	}

	_, err = symphony.NewBatch[Note](p, "acme", opt)
	require.ErrorIs(t, err, symphony.ErrUnsupported)
	_, err = symphony.NewTrigger(p, "acme", opt)
	require.ErrorIs(t, err, symphony.ErrUnsupported)
	_, err = symphony.NewUser[Note](p, "acme", symphony.Cached(time.Microsecond))
	require.ErrorIs(t, err, symphony.ErrInvalidTTL)
}
