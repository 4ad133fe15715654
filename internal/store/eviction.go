package store

import (
	"context"
	"strings"

	"github.com/redis/rueidis"
)

// EvictionPolicy returns the policy by which the server evicts keys when its
// memory is full. It sends INFO memory. If the policy is noeviction, or the
// server does not report it, EvictionPolicy returns an empty string.
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
