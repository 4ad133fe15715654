// Package pending keeps the pending set of a service: the tenants whose
// queues may have items. Beside the set it keeps the schedule of the
// service's queues, from which workers learn which queues have something to
// hand out, and when. The Python package shares the set and does not know the
// schedule.
package pending
