package scope_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/scope"
)

// A value is found under its key and under no other key, even if the names are
// equal.
func TestKeysAreDistinct(t *testing.T) {
	type key struct{ name string }
	one, two := scope.NewKey[string]("plan"), scope.NewKey[string]("plan")
	other := scope.NewKey[int]("plan")
	nameless, another := scope.NewKey[string](""), scope.NewKey[string]("")
	ctx := one.With(context.WithValue(t.Context(), key{"plan"}, "theirs"), "free")
	ctx = other.With(ctx, 7)
	ctx = nameless.With(ctx, "nameless")

	got, ok := one.From(ctx)
	require.True(t, ok)
	require.Equal(t, "free", got)
	number, ok := other.From(ctx)
	require.True(t, ok)
	require.Equal(t, 7, number)
	got, ok = nameless.From(ctx)
	require.True(t, ok)
	require.Equal(t, "nameless", got)
	for _, empty := range []scope.Key[string]{two, another, {}} {
		got, ok = empty.From(ctx)
		require.False(t, ok)
		require.Empty(t, got)
	}
	copied := one
	got, _ = copied.From(ctx)
	require.Equal(t, "free", got)
}

func TestKeyReplaces(t *testing.T) {
	k := scope.NewKey[int]("n")
	outer := k.With(t.Context(), 1)
	inner := k.With(outer, 2)
	got, _ := k.From(inner)
	require.Equal(t, 2, got)
	got, _ = k.From(outer)
	require.Equal(t, 1, got)
}

func TestKeyHoldsNil(t *testing.T) {
	failure := scope.NewKey[error]("failure")
	got, ok := failure.From(failure.With(t.Context(), nil))
	require.True(t, ok)
	require.NoError(t, got)
	pointer := scope.NewKey[*int]("pointer")
	p, ok := pointer.From(pointer.With(t.Context(), nil))
	require.True(t, ok)
	require.Nil(t, p)
}

func TestKeyWithoutContext(t *testing.T) {
	var none context.Context
	_, ok := scope.NewKey[int]("n").From(none)
	require.False(t, ok)
	_, ok = scope.From(none)
	require.False(t, ok)
}

func TestZeroKey(t *testing.T) {
	var zero scope.Key[int]
	require.PanicsWithValue(t, "scope: With called on the zero Key; create a Key with NewKey", func() { zero.With(t.Context(), 1) })
}

// A printed context shows the names of its keys but not their values.
func TestKeyPrints(t *testing.T) {
	token := scope.NewKey[string]("token")
	text := fmt.Sprint(token.With(t.Context(), "hunter2"))
	require.Contains(t, text, "token")
	require.NotContains(t, text, "hunter2")
	require.Equal(t, "token", token.String())
	require.Equal(t, "scope: zero Key", scope.Key[int]{}.String())
}
