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

// checkServer returns an error if the server does not know PEXPIRETIME, and
// logs a warning if it evicts keys. It ignores a server that does not
// reply, since Run repeats failed calls.
func (l *Listener) checkServer(ctx context.Context) error {
	c := l.core.Client
	err := c.Do(ctx, c.B().Pexpiretime().Key(l.consumers[0].due).Build()).Error()
	if errors.Is(err, pool.ErrClosed) {
		return fmt.Errorf("expiry: Run: %w", err)
	}
	if e, ok := rueidis.IsRedisErr(err); ok && isUnknownCommand(e) {
		return fmt.Errorf("expiry: Run: %w: the server does not know PEXPIRETIME; use Redis 7.0 or newer (%w)", fault.ErrUnsupported, err)
	}
	if err == nil {
		l.checkEviction(ctx)
	}
	return nil
}

// checkEviction logs a warning if the server may evict triggers.
func (l *Listener) checkEviction(ctx context.Context) {
	if policy := store.EvictionPolicy(ctx, l.core.Client); policy != "" {
		l.cfg.Logger.Warn("expiry: the server evicts triggers when its memory is full; set maxmemory-policy to noeviction", "policy", policy)
	}
}

// isUnknownCommand reports whether the server does not know the command.
func isUnknownCommand(e *rueidis.RedisError) bool {
	return strings.Contains(strings.ToLower(e.Error()), "unknown")
}
