package scope

import (
	"context"
	"errors"

	"github.com/symphony-go/symphony/keyspace"
)

// Identity is the tenant of a request, and the user who makes it. User is empty
// if the tenant itself makes the request, as with the API key of a service.
type Identity struct{ Tenant, User string }

// Binder returns a context that is derived from the given one and has further
// values. The given context carries the identity already.
type Binder func(context.Context, Identity) (context.Context, error)

var identityKey = NewKey[Identity]("identity")

// With returns a context that carries id. It replaces an identity that ctx
// carries. With does not validate id; [Bind] does. If ctx is nil, With panics.
func With(ctx context.Context, id Identity) context.Context { return identityKey.With(ctx, id) }

// From returns the identity that ctx carries. If there is none, or if ctx is
// nil, it returns false.
func From(ctx context.Context) (Identity, bool) { return identityKey.From(ctx) }

// Bind returns a context that carries id and the values of the binders. It
// calls the binders in order, each with the context that the previous one
// returned. Use it for work that begins without a request. For requests,
// [Middleware] calls it.
//
// If the tenant is empty, or the tenant or the user contains a NUL byte, no key
// can contain it. Bind then returns [keyspace.ErrInvalidKey] and calls no
// binder. If a binder returns an error, Bind returns that error and calls no
// further binder. If a binder is nil or returns a nil context without an error,
// Bind returns an error. If ctx is nil, Bind panics.
func Bind(ctx context.Context, id Identity, binders ...Binder) (context.Context, error) {
	if err := id.validate(); err != nil {
		return nil, err
	}
	ctx = With(ctx, id)
	for _, b := range binders {
		if b == nil {
			return nil, errors.New("scope: a Binder is nil; remove it")
		}
		bound, err := b(ctx, id)
		if err != nil {
			return nil, err
		}
		if bound == nil {
			return nil, errors.New("scope: a Binder returned a nil context; if it adds nothing, return the context that it received")
		}
		ctx = bound //nolint:fatcontext // each binder extends the context of the previous one
	}
	return ctx, nil
}

var identityPattern = keyspace.MustCompile("{tenant}:{user}")

// validate returns an error if no layout can have a key with the identity.
func (id Identity) validate() error {
	user := id.User
	if user == "" {
		user = "none" // a tenant without a user is valid
	}
	_, err := identityPattern.Key(id.Tenant, user)
	return err
}
