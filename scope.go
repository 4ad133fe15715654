package symphony

import (
	"context"

	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/scope"
)

var sharedStates = scope.NewKey[*SharedState]("shared state")

// BindSharedState makes a Binder for scope.Middleware that gives every request
// the shared state of its tenant and user, for SharedStateFrom. Binding sends
// nothing. Its errors are those of NewSharedState: ErrInvalidKey, which the
// middleware answers with 400, and wrong pools or options, with 503.
func BindSharedState(pools *pool.Pools, opts ...Option) scope.Binder {
	return func(ctx context.Context, id scope.Identity) (context.Context, error) {
		ss, err := NewSharedState(pools, id.Tenant, id.User, opts...)
		if err != nil {
			return nil, err
		}
		return WithSharedState(ctx, ss), nil
	}
}

// WithSharedState gives a context that carries ss, in place of the shared state
// that it may carry; nil takes that away.
func WithSharedState(ctx context.Context, ss *SharedState) context.Context {
	return sharedStates.With(ctx, ss)
}

// SharedStateFrom gives the shared state that a context carries, if it carries
// one.
func SharedStateFrom(ctx context.Context) (*SharedState, bool) {
	ss, _ := sharedStates.From(ctx)
	return ss, ss != nil
}
