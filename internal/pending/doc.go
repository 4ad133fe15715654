// Package pending keeps the pending set of a service, the tenants that may have
// items, and the index of the service's queues beside it.
package pending
