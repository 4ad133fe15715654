package scope

import (
	"context"
	"errors"
	"fmt"

	"github.com/symphony-go/symphony/keyspace"
)

// Identity says who a request is from: a user of a tenant.
type Identity struct{ Tenant, User string }

// Binder gives the context more for the work of an identity, which the context
// carries already. What it returns is derived from the context it got.
type Binder func(context.Context, Identity) (context.Context, error)

var identityKey = NewKey[Identity]("identity")

// With gives a context that carries an identity, in place of the one that it
// may carry. Whether the identity can be part of a key is for [Bind] to say.
func With(ctx context.Context, id Identity) context.Context { return identityKey.With(ctx, id) }

// From gives the identity that a context carries, if it carries one.
func From(ctx context.Context) (Identity, bool) { return identityKey.From(ctx) }

// Bind gives a context that carries an identity and what the binders add to it,
// in their order, each on the context of the one before. It is what
// [Middleware] does for a request, for work that begins elsewhere. The first
// error ends it.
//
// Errors: keyspace.ErrInvalidKey for a tenant or a user that cannot be part of a
// key, before any binder runs; those of the binders.
func Bind(ctx context.Context, id Identity, binders ...Binder) (context.Context, error) {
	if err := id.validate(); err != nil {
		return nil, err
	}
	ctx = With(ctx, id)
	for _, b := range binders {
		if b == nil {
			return nil, errors.New("scope: a Binder is nil; leave it out")
		}
		bound, err := b(ctx, id)
		if err != nil {
			return nil, err
		}
		if bound == nil {
			return nil, errors.New("scope: a Binder gave neither a context nor an error; return the context it got")
		}
		ctx = bound //nolint:fatcontext // each binder adds to what those before it gave
	}
	return ctx, nil
}

var identityPattern = keyspace.MustCompile("{tenant}:{user}")

// check refuses what no layout's key can hold.
func (id Identity) validate() error {
	if _, err := identityPattern.Key(id.Tenant, id.User); err != nil {
		return fmt.Errorf("scope: %w", err)
	}
	return nil
}
