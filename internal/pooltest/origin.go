package pooltest

import (
	"context"

	"github.com/symphony-go/symphony/pool"
)

// Origin is an observer that stores an origin beside triggers and items: that
// of [WithOrigin], or itself.
type Origin string

var _ pool.Propagator = Origin("")

type originKey struct{}

// WithOrigin returns a context with an origin.
func WithOrigin(ctx context.Context, text string) context.Context {
	return context.WithValue(ctx, originKey{}, text)
}

func (o Origin) Inject(ctx context.Context) string {
	if text, ok := ctx.Value(originKey{}).(string); ok {
		return text
	}
	return string(o)
}

func (Origin) Opened(*pool.Pools) {}
func (Origin) Closed(*pool.Pools) {}

func (Origin) Begin(ctx context.Context, _ pool.Call) (context.Context, func(error)) {
	return ctx, nil
}
