package symphony

import (
	"context"

	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/scope"
)

var sharedStates = scope.NewKey[*SharedState]("shared state")

// BindSharedState returns a [scope.Binder] that binds the [SharedState] of a
// request's tenant and user to its context. [SharedStateFrom] returns it.
// Binding sends nothing. If the identity has no user, it binds no SharedState.
//
// The binder returns the errors of [NewSharedState]. [scope.Middleware] answers
// [ErrInvalidKey] with the status 400 and other errors with 503.
func BindSharedState(pools *pool.Pools, opts ...Option) scope.Binder {
	return func(ctx context.Context, id scope.Identity) (context.Context, error) {
		if id.User == "" {
			return WithSharedState(ctx, nil), nil
		}
		ss, err := NewSharedState(pools, id.Tenant, id.User, opts...)
		if err != nil {
			return nil, err
		}
		return WithSharedState(ctx, ss), nil
	}
}

// WithSharedState returns a context that carries ss. If ss is nil, the context
// carries none.
func WithSharedState(ctx context.Context, ss *SharedState) context.Context {
	return sharedStates.With(ctx, ss)
}

// SharedStateFrom returns the SharedState that a context carries, and reports
// whether it carries one.
func SharedStateFrom(ctx context.Context) (*SharedState, bool) {
	ss, _ := sharedStates.From(ctx)
	return ss, ss != nil
}
