package symphony_test

import (
	"context"
	"fmt"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/pool"
)

// No constructor made these. Every call returns an error that says so.
func TestRepositoriesThatNoConstructorMade(t *testing.T) {
	for _, repo := range []any{
		(*symphony.SharedState)(nil), new(symphony.SharedState), (*symphony.SharedState)(nil).With(symphony.NoTTL()),
		(*symphony.Trigger)(nil), new(symphony.Trigger), (*symphony.Trigger)(nil).With(symphony.IfAbsent()),
		(*symphony.Batch[int])(nil), new(symphony.Batch[int]), (*symphony.Batch[int])(nil).With(symphony.NoTTL()),
		(*symphony.Feed[int])(nil), new(symphony.Feed[int]), (*symphony.Feed[int])(nil).With(symphony.NoTTL()),
		(*symphony.Topic[int])(nil), new(symphony.Topic[int]),
		(*symphony.Limiter)(nil), new(symphony.Limiter), (*symphony.Limiter)(nil).With(symphony.On(pool.Default)),
		(*expiry.Schedule)(nil), new(expiry.Schedule),
		(*expiry.DeadLetters)(nil), new(expiry.DeadLetters),
	} {
		v := reflect.ValueOf(repo)
		for i := range v.NumMethod() {
			name := fmt.Sprintf("%T.%s", repo, v.Type().Method(i).Name)
			results := callWithZeros(v.Method(i))
			last := results[len(results)-1]
			if last.Kind() == reflect.Func { // an iterator
				yields := 0
				last.Call([]reflect.Value{reflect.MakeFunc(last.Type().In(0), func(args []reflect.Value) []reflect.Value {
					yields++
					requireUnmade(t, name, args[len(args)-1])
					return []reflect.Value{reflect.ValueOf(true)}
				})})
				require.Equal(t, 1, yields, name)
			} else if v.Type().Method(i).Name != "With" {
				requireUnmade(t, name, last)
			}
		}
	}
	var handler *symphony.StateHandler[profile]
	_, err := handler.Merge(ctx, "u1")
	require.ErrorIs(t, err, symphony.ErrInvalidArgument)
	for _, ss := range []*symphony.SharedState{nil, new(symphony.SharedState)} {
		_, err := symphony.StateOf[profile](ss)
		require.ErrorIs(t, err, symphony.ErrInvalidArgument)
	}
}

func callWithZeros(method reflect.Value) []reflect.Value {
	var args []reflect.Value
	for i := range method.Type().NumIn() {
		in := method.Type().In(i)
		switch {
		case method.Type().IsVariadic() && i == method.Type().NumIn()-1:
		case in == reflect.TypeFor[context.Context]():
			args = append(args, reflect.ValueOf(ctx))
		default:
			args = append(args, reflect.Zero(in))
		}
	}
	return method.Call(args)
}

func requireUnmade(t *testing.T, name string, v reflect.Value) {
	t.Helper()
	err, _ := reflect.TypeAssert[error](v)
	require.ErrorIs(t, err, symphony.ErrInvalidArgument, name)
	require.ErrorContains(t, err, "is nil or zero; make one with", name)
}
