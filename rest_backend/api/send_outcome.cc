#include "rest_backend/api/send_outcome.h"
