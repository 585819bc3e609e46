#include "rest_backend/api/resource_id.h"
