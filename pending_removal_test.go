package symphony_test

import (
	"context"
	"sync"
	"testing"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/pool"
)

// If a removal is interrupted after its SREM, the tenant stays pending, and
// MaybeApplied is true unless the removal was undone.
func TestInterruptedRemoval(t *testing.T) {
	remove := map[string]func(ctx context.Context, p *pool.Pools) error{
		"RemoveFromPending": func(ctx context.Context, p *pool.Pools) error {
			removed, err := symphony.RemoveFromPending(ctx, p, "svc", "py")
			require.False(t, removed, "RemoveFromPending returned true, but the tenant is still pending")
			return err
		},
		"ForceRemoveFromPending": func(ctx context.Context, p *pool.Pools) error {
			return symphony.ForceRemoveFromPending(ctx, p, "svc", "py")
		},
	}
	for name, remove := range remove {
		for _, interruption := range []string{"context", "refused", "last step refused"} {
			t.Run(name+" "+interruption, func(t *testing.T) {
				server := redistest.Server(t, "user joe on >joe ~* &* +@all")
				admin := server.Client(t, 0)
				work, cancel := context.WithCancel(t.Context())
				defer cancel()
				var once sync.Once
				end := func() {
					if interruption == "context" {
						cancel()
						return
					}
					refused := []string{"-zrange", "-sadd"}
					if interruption == "last step refused" {
						refused = []string{"-zrem"}
					}
					require.NoError(t, admin.Do(ctx, admin.B().Arbitrary("ACL", "SETUSER", "joe").Args(refused...).Build()).Error())
				}
				url := "redis://joe:joe@" + server.Addr()
				p := pooltest.Redis(t, pool.Config{URL: url, NewClient: func(o rueidis.ClientOption) (rueidis.Client, error) {
					c, err := rueidis.NewClient(o)
					return hookAfterSREM{c, &once, end}, err
				}})
				require.NoError(t, pooltest.Do(t, p, pool.Handlers, "SADD", "pending_batches:svc", "py").Error())
				err := remove(work, p)
				require.Error(t, err)
				var op *symphony.OpError
				require.ErrorAs(t, err, &op)
				restored := name == "RemoveFromPending" && interruption == "context"
				require.Equal(t, !restored, op.MaybeApplied(), "%v", err)
				require.NoError(t, admin.Do(ctx, admin.B().Arbitrary("ACL", "SETUSER", "joe", "+@all").Build()).Error())
				require.Equal(t, []string{"py"}, pendingTenants(t, p, "svc"))
			})
		}
	}
}
