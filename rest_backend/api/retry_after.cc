#include "rest_backend/api/retry_after.h"
