// Package pending keeps the pending set of a service: the tenants whose queues
// may have items. Beside the set it keeps an index of the service's queues,
// from which workers learn which queues to claim from. The Python package
// shares the set and does not know the index.
package pending
