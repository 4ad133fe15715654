package expiry

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/store"
	"github.com/symphony-go/symphony/pool"
)

// checkServer refuses a server without PEXPIRETIME, and warns of one that evicts.
// One that does not answer is none of its business.
func (l *Listener) checkServer(ctx context.Context) error {
	c := l.core.Client
	err := c.Do(ctx, c.B().Pexpiretime().Key(l.consumers[0].due).Build()).Error()
	if errors.Is(err, pool.ErrClosed) {
		return fmt.Errorf("expiry: Run: %w", err)
	}
	if e, ok := rueidis.IsRedisErr(err); ok && isUnknownCommand(e) {
		return fmt.Errorf("expiry: Run: %w: the server has no PEXPIRETIME; triggers need Redis 7.0 or newer (%w)", fault.ErrUnsupported, err)
	}
	if err == nil {
		l.checkEviction(ctx)
	}
	return nil
}

// checkEviction warns of a server that may drop triggers.
func (l *Listener) checkEviction(ctx context.Context) {
	if policy := store.EvictionPolicy(ctx, l.core.Client); policy != "" {
		l.cfg.Logger.Warn("expiry: the server drops triggers when its memory is full; set maxmemory-policy to noeviction", "policy", policy)
	}
}

// isUnknownCommand reports whether the server does not know a command.
func isUnknownCommand(e *rueidis.RedisError) bool {
	return strings.Contains(strings.ToLower(e.Error()), "unknown")
}
