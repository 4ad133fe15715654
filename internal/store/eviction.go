package store

import (
	"context"
	"strings"

	"github.com/redis/rueidis"
)

// Evicts returns the policy by which a server removes keys when its memory is
// full: INFO memory. It is empty for noeviction, and if the server does not tell.
func EvictionPolicy(ctx context.Context, c rueidis.Client) string {
	info, err := c.Do(ctx, c.B().Info().Section("memory").Build()).ToString()
	if err != nil {
		return ""
	}
	for line := range strings.Lines(info) {
		policy, found := strings.CutPrefix(strings.TrimSpace(line), "maxmemory_policy:")
		if found && policy != "noeviction" {
			return policy
		}
	}
	return ""
}
