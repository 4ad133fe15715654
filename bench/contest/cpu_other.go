//go:build !unix

package contest

import "time"

// processorTime returns 0, because the processor time is unknown on this
// system.
func processorTime() time.Duration { return 0 }
